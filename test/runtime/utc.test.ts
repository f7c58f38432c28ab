import { expect, it } from "vitest";
import { parseUtc } from "../../src/runtime/utc.js";

it.each([
  ["01 Jan 1970 00:00:00 GMT", 0],
  ["24 Nov 2026 12:15:00 GMT", Date.UTC(2026, 10, 24, 12, 15)],
  ["29 Feb 2024 23:59:59 GMT", Date.UTC(2024, 1, 29, 23, 59, 59)],
])("parseUtc(%j) returns %d", (text, at) => expect(parseUtc(text)).toBe(at));

it.each([
  ...["31 Nov 2026 12:15:00 GMT", "29 Feb 2023 00:00:00 GMT", "00 Nov 2026 12:15:00 GMT"],
  ...["24 Nov 2026 24:00:00 GMT", "24 Nov 2026 12:60:00 GMT", "24 Foo 2026 12:15:00 GMT", "2026-11-24"],
])("parseUtc(%j) returns NaN", (text) => expect(parseUtc(text)).toBeNaN());
