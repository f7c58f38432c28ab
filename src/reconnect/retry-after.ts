// Parses the HTTP field Retry-After (RFC 9110 10.2.3). The caller limits the delay.
import { parseUtc } from "../runtime/utc.js";

const meanYearMs = 365.2425 * 86_400_000;

// RFC 9110 5.6.7: the format IMF-fixdate, and the two obsolete formats that a recipient must accept. The day of the week
// is not compared with the date.
const forms: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>\w{3}) (?<year>\d{4}) (?<time>[\d:]{8}) GMT$/,
  /^[A-Z][a-z]+day, (?<day>\d\d)-(?<month>\w{3})-(?<year>\d\d) (?<time>[\d:]{8}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>\w{3}) (?<day>[ \d]\d) (?<time>[\d:]{8}) (?<year>\d{4})$/,
];

/**
 * Returns the delay in milliseconds, at least 0, or `undefined` if the value is neither a number of seconds nor a date.
 * @param wallNow - Milliseconds since 1970.
 */
export function retryAfterOf(value: string, wallNow: number): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const groups = forms.map((form) => form.exec(value)?.groups).find((found) => found !== undefined);
  if (groups === undefined) return undefined;
  const { day, month, year, time } = groups as Record<"day" | "month" | "year" | "time", string>;
  // RFC 9110 5.6.7: a two-digit year that appears to be more than 50 years in the future means the most recent past year
  // with the same last two digits.
  const century = Math.floor((1970 + wallNow / meanYearMs) / 100);
  const [centuries, latest] =
    year.length === 4 ? [[""], Infinity] : [[century + 1, century, century - 1], wallNow + 50 * meanYearMs];
  // A leap second has the number 60.
  const [clock, leapMs] = time.endsWith(":60") ? [time.replace(/60$/, "59"), 1_000] : [time, 0];
  const at = centuries
    .map((digits) => parseUtc(`${day.replace(" ", "0")} ${month} ${digits}${year} ${clock} GMT`) + leapMs)
    .find((date) => date <= latest);
  return at === undefined ? undefined : Math.max(0, at - wallNow);
}
