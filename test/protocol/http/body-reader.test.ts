import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../../protocol/errors.js";
import { bodyFraming, BodyReader, type BodyFraming } from "../../../protocol/http/body-reader.js";
import { feed, splitsOf } from "../../support/splits.js";

describe("bodyFraming", () => {
  it.each<[number, HeaderField[], BodyFraming]>([
    [404, [], Infinity],
    [204, [["Content-Length", "5"]], 0],
    [304, [["Content-Length", "5"]], 0],
    [404, [["content-length", "0"]], 0],
    [404, [["Content-Length", "5"]], 5],
    [
      404,
      [
        ["Content-Length", "5"],
        ["Content-Length", "5"],
      ],
      5,
    ],
    [
      404,
      [
        ["Content-Length", "5"],
        ["Content-Length", "6"],
      ],
      Infinity,
    ],
    [404, [["Content-Length", "-5"]], Infinity],
    [404, [["Content-Length", "5, 5"]], Infinity],
    [404, [["Content-Length", ""]], Infinity],
    [404, [["Transfer-Encoding", "Chunked"]], "chunked"],
    [404, [["Transfer-Encoding", "gzip, chunked"]], "chunked"],
    [
      404,
      [
        ["Transfer-Encoding", "gzip"],
        ["Transfer-Encoding", "chunked"],
      ],
      "chunked",
    ],
    [404, [["Transfer-Encoding", "chunked, gzip"]], Infinity],
    [404, [["Transfer-Encoding", ""]], Infinity],
    [404, [["Transfer-Encoding", "gzip;q=1"]], Infinity],
    [
      404,
      [
        ["Content-Length", "5"],
        ["Transfer-Encoding", "chunked"],
      ],
      "chunked",
    ],
  ])("for the status %i with the headers %j returns %j", (statusCode, headers, framing) => {
    expect(bodyFraming(statusCode, headers)).toBe(framing);
  });
});

describe("BodyReader", () => {
  it.each<[BodyFraming, number, string, string, boolean]>([
    [0, 10, "", "", true],
    [0, 10, "abc", "", true],
    [3, 10, "ab", "ab", false],
    [3, 10, "abc", "abc", true],
    [3, 10, "abcd", "abc", true],
    [3, 2, "abc", "ab", true],
    [Infinity, 4, "abc", "abc", false],
    [Infinity, 4, "abcdef", "abcd", true],
    ["chunked", 10, "3\r\nabc\r\n", "abc", false],
    ["chunked", 10, "3\r\nabc\r\n0\r\n\r\n", "abc", true],
    ["chunked", 10, "3\r\nabc\r\nbroken", "abc", true],
    ["chunked", 4, "3\r\nabc\r\n3\r\ndef\r\n", "abcd", true],
  ])("with the framing %j and the limit %i reads %j as %j", (framing, maxSize, text, body, isComplete) => {
    for (const pieces of splitsOf(Buffer.from(text))) {
      const reader = new BodyReader(framing, maxSize);
      feed(pieces, (bytes, start, end) => reader.receive(bytes, start, end));
      expect(reader.isComplete).toBe(isComplete);
      expect(reader.takeBody().toString()).toBe(body);
    }
  });
});
