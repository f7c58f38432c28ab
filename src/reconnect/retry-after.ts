// Parses the HTTP field Retry-After (RFC 9110 10.2.3). It does not limit the delay: the caller does.

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const dayMs = 86_400_000;
const meanYearMs = 365.2425 * dayMs;

const month = `(?<month>${months.join("|")})`;
const time = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const weekday = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const longWeekday = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";

// RFC 9110 5.6.7: IMF-fixdate, and the two obsolete formats that a recipient must accept.
const forms: readonly RegExp[] = [
  new RegExp(`^${weekday}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${longWeekday}, (?<day>\\d\\d)-${month}-(?<shortYear>\\d\\d) ${time} GMT$`),
  new RegExp(`^${weekday} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
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
  const [dayOfMonth, hour, minute, second] = [
    groups["day"],
    groups["hour"],
    groups["minute"],
    groups["second"],
  ].map(Number) as [number, number, number, number];
  const monthIndex = months.indexOf(groups["month"]!);
  // A leap second is second 60.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const at = (year: number): number =>
    daysSince1970(year, monthIndex, dayOfMonth) * dayMs + ((hour * 60 + minute) * 60 + second) * 1_000;
  const year =
    groups["year"] === undefined
      ? fullYear(Number(groups["shortYear"]), at, wallNow)
      : Number(groups["year"]);
  const isInMonth = dayOfMonth >= 1 && dayOfMonth <= daysInMonth(year, monthIndex);
  return isInMonth ? at(year) : undefined;
}

/**
 * RFC 9110 5.6.7: a two-digit year that appears to be more than 50 years in the future is the most recent past year
 * with these digits.
 */
function fullYear(shortYear: number, at: (year: number) => number, wallNow: number): number {
  const yearNow = Math.floor(1970 + wallNow / meanYearMs);
  let year = yearNow - (yearNow % 100) + 100 + shortYear;
  while (at(year) > wallNow + 50 * meanYearMs) year -= 100;
  return year;
}

function daysInMonth(year: number, monthIndex: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return monthDays[monthIndex]! + (isLeap && monthIndex === 1 ? 1 : 0);
}

/**
 * Returns the days since 1970 in the Gregorian calendar. The year starts in March, so that a leap day is its last day.
 */
function daysSince1970(year: number, monthIndex: number, dayOfMonth: number): number {
  const marchYear = monthIndex < 2 ? year - 1 : year;
  const monthFromMarch = (monthIndex + 10) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + dayOfMonth - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  // There are 719,468 days from 0000-03-01 to 1970-01-01.
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}
