// Converts dates of the UTC calendar. This module does not read the clock: see runtime.ts.

/**
 * Returns the milliseconds since 1970 of a date in UTC. A day number that exceeds the length of the month counts into
 * the next month: April 31 is May 1.
 */
export const utcTime: typeof Date.UTC = Date.UTC;
