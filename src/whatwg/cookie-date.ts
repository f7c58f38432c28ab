// Reads the date in the attribute `Expires` of a cookie. It does not read the clock.

/**
 * Returns milliseconds since 1970, or `Infinity` for a text that is no date. Without a time zone, the date is in UTC (RFC
 * 6265 5.1.1). `Date.parse()` accepts the formats that servers use.
 */
export function parseCookieDate(text: string): number {
  return Date.parse(`${text.replace(/ *(?:gmt|utc)$/i, "")} GMT`) || Infinity;
}
