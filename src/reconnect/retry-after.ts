// Parses the HTTP field Retry-After (RFC 9110 10.2.3). The caller limits the delay.
import { utcTime } from "../runtime/utc.js";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const meanYearMs = 365.2425 * 86_400_000;

const month = "(?<month>[A-Z][a-z]{2})";
const time = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";

// RFC 9110 5.6.7: the format IMF-fixdate, and the two obsolete formats that a recipient must accept. The day of the week
// is not compared with the date.
const forms: readonly RegExp[] = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]+day, (?<day>\\d\\d)-${month}-(?<shortYear>\\d\\d) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
];

/**
 * Returns the delay in milliseconds, at least 0, or `undefined` if the value is neither a number of seconds nor a date.
 * @param wallNow - Milliseconds since 1970.
 */
export function retryAfterOf(value: string, wallNow: number): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  for (const form of forms) {
    const groups = form.exec(value)?.groups;
    const at = groups === undefined ? undefined : timestampOf(groups, wallNow);
    if (at !== undefined) return Math.max(0, at - wallNow);
  }
  return undefined;
}

/** Returns the milliseconds since 1970, or `undefined` for an invalid date or time. */
function timestampOf(groups: Readonly<Record<string, string>>, wallNow: number): number | undefined {
  const [day, hour, minute, second] = ["day", "hour", "minute", "second"].map((name) =>
    Number(groups[name]),
  ) as [number, number, number, number];
  const monthIndex = months.indexOf(groups["month"]!);
  // Second 60 is a leap second.
  if (monthIndex === -1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const at = (year: number): number => utcTime(year, monthIndex, day, hour, minute, second);
  const year =
    groups["year"] === undefined
      ? fullYear(Number(groups["shortYear"]), at, wallNow)
      : Number(groups["year"]);
  const isInMonth = day >= 1 && utcTime(year, monthIndex, day) < utcTime(year, monthIndex + 1, 1);
  return isInMonth ? at(year) : undefined;
}

/**
 * Returns the year with four digits. RFC 9110 5.6.7: a two-digit year that appears to be more than 50 years in the
 * future means the most recent past year with the same last two digits.
 */
function fullYear(shortYear: number, at: (year: number) => number, wallNow: number): number {
  const yearNow = Math.floor(1970 + wallNow / meanYearMs);
  let year = yearNow - (yearNow % 100) + 100 + shortYear;
  while (at(year) > wallNow + 50 * meanYearMs) year -= 100;
  return year;
}
