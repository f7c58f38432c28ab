import { expect, it } from "vitest";
import { parseCookieDate } from "../../src/whatwg/cookie-date.js";

it.each([
  ["Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000],
  ["Sun, 06-Nov-1994 08:49:37 GMT", 784_111_777_000],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777_000],
  ["Sun Nov  6 08:49:37 1994", 784_111_777_000],
  ["06 November 1994 8:49:37", 784_111_777_000],
  ["Sun, 06 Nov 1994 08:49:37 utc", 784_111_777_000],
  ["Thu, 29 Feb 2096 23:59:59 GMT", 3_981_398_399_000],
  ["Wed, 06-Nov-1969 08:49:37", -4_806_623_000],
  ["06 Foo 1994 08:49:37", Infinity],
  ["never", Infinity],
  ["", Infinity],
])("%j is %d", (text, at) => {
  expect(parseCookieDate(text)).toBe(at);
});
