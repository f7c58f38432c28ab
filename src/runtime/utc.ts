// Converts dates of the UTC calendar. This module does not read the clock: see runtime.ts.

/**
 * Returns the milliseconds since 1970 of a date such as `24 Nov 2026 12:15:00 GMT`, or NaN for another format and for a
 * date or a time that does not exist.
 */
export function parseUtc(text: string): number {
  const at = Date.parse(text);
  // Date.parse() counts a day that exceeds the length of the month into the next month.
  return new Date(at).toUTCString().endsWith(text) ? at : NaN;
}
