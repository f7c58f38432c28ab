// Converts dates of the UTC calendar. This module does not read the clock: see runtime.ts.

/** Returns the milliseconds since 1970 of a date in UTC. A day after the end of a month is a day of the next month. */
export const utcTime: typeof Date.UTC = Date.UTC;
