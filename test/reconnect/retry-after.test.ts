import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryAfterOf } from "../../src/reconnect/retry-after.js";
import { cases } from "../support/cases.js";

const now = Date.UTC(2026, 10, 24, 12);

describe("retryAfterOf() with seconds", () => {
  it.each([
    ["0", 0],
    ["1", 1_000],
    ["0120", 120_000],
    ["9".repeat(400), Infinity],
  ])("%s", (value, wait) => expect(retryAfterOf(value, now)).toBe(wait));
});

describe("retryAfterOf() with a date", () => {
  const minutesAhead = 15 * 60_000;
  it.each([
    ["IMF-fixdate", "Tue, 24 Nov 2026 12:15:00 GMT"],
    ["rfc850", "Tuesday, 24-Nov-26 12:15:00 GMT"],
    ["asctime", "Tue Nov 24 12:15:00 2026"],
  ])("parses the format %s", (_form, value) => expect(retryAfterOf(value, now)).toBe(minutesAhead));

  it.each([
    ["Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ["Thu, 29 Feb 2024 23:59:59 GMT", "Thu, 29 Feb 2024 23:59:59 GMT"],
    ["Tue, 29 Feb 2000 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"],
    ["Sat Dec 31 23:59:60 2016", "Sun, 01 Jan 2017 00:00:00 GMT"],
  ])("parses %s as %s", (value, same) => {
    expect(retryAfterOf(value, 0)).toBe(Date.parse(same));
  });

  it("returns 0 for a date in the past", () => {
    expect(retryAfterOf("Tue, 24 Nov 2026 11:59:59 GMT", now)).toBe(0);
    expect(retryAfterOf("Sun Nov  6 08:49:37 1994", now)).toBe(0);
  });

  it.each([
    [2026, "26", 2026],
    [2026, "75", 2075],
    [2026, "77", 1977],
    [2026, "99", 1999],
    [2026, "00", 2000],
    [1999, "05", 2005],
    [1999, "49", 2049],
    [1999, "51", 1951],
    [2060, "09", 2109],
    [1970, "00", 2000],
  ])("in %d, interprets the two-digit year %s as %d", (yearNow, digits, year) => {
    const wallNow = Date.UTC(yearNow, 6, 1);
    const at = Date.UTC(year, 2, 1);
    expect(retryAfterOf(`Monday, 01-Mar-${digits} 00:00:00 GMT`, wallNow)).toBe(Math.max(0, at - wallNow));
  });

  it("knows the length of every month", () => {
    for (let month = 0; month < 12; month++) {
      for (const year of [1900, 2000, 2023, 2024]) {
        const [, , name] = new Date(Date.UTC(year, month, 1)).toUTCString().split(" ");
        const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
        const ofDay = (day: number): number | undefined =>
          retryAfterOf(`Mon, ${day} ${name} ${year} 00:00:00 GMT`, Date.UTC(1890, 0));
        expect(ofDay(length)).toBeDefined();
        expect(ofDay(length + 1)).toBeUndefined();
      }
    }
  });

  it("returns the same time as Date.parse()", () => {
    const bounds = { min: new Date(0), max: new Date(Date.UTC(9999, 11, 31)), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(bounds), (date) => {
        const text = date.toUTCString();
        expect(retryAfterOf(text, 0)).toBe(Date.parse(text));
      }),
      { numRuns: cases(100) },
    );
  });
});

it.each([
  ...["", " ", "-1", "1.5", "1e3", "+5", "soon", " 5", "5\n", "2026-11-24T12:15:00Z"],
  ...["Tue, 24 Nov 2026 12:15:00 UTC", "Tue, 24 Nov 2026 12:15:00", "tue, 24 nov 2026 12:15:00 gmt"],
  ...["Tue, 24 Nov 2026 24:00:00 GMT", "Tue, 24 Nov 2026 12:60:00 GMT", "Tue, 24 Nov 2026 12:15:61 GMT"],
  ...["Tue, 00 Nov 2026 12:15:00 GMT", "Tue, 31 Nov 2026 12:15:00 GMT", "Mon, 29 Feb 2100 12:15:00 GMT"],
  ...["Tue, 24 Foo 2026 12:15:00 GMT", "Tue, 04 Nov 2026 1:15:00 GMT"],
  ...["Tue, 4 Nov 2026 12:15:00 GMT", "Tue Nov 4 12:15:00 2026", "Tue, 24-Nov-26 12:15:00 GMT"],
])("retryAfterOf() returns undefined for %j", (value) => expect(retryAfterOf(value, now)).toBeUndefined());
