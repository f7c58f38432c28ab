import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkedDecoder } from "../../../protocol/http/chunked-decoder.js";
import { cases } from "../../support/cases.js";
import { feed, splitsOf } from "../../support/splits.js";

function decode(pieces: readonly Uint8Array[]): { data: string; isDone: boolean } {
  let data = "";
  const decoder = new ChunkedDecoder((bytes, start, end) => {
    data += Buffer.from(bytes.subarray(start, end)).toString("latin1");
  });
  feed(pieces, (bytes, start, end) => decoder.receive(bytes, start, end));
  return { data, isDone: decoder.isDone };
}

describe("ChunkedDecoder", () => {
  it.each([
    ["0\r\n\r\n", "", true],
    ["0\r\nTrailer: x\r\n\r\n", "", true],
    ["000\r\n", "", true],
    ["3\r\nabc\r\n0\r\n\r\n", "abc", true],
    ["3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", true],
    ["003\r\nabc\r\n0\r\n", "abc", true],
    ["a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n", "01234567890123456789a", true],
    ["3;name=value\r\nabc\r\n0;last\r\n\r\n", "abc", true],
    ["3 ;x\r\nabc\r\n0\t\r\n", "abc", true],
    ["3\r\n\r\n1\r\n0\r\n", "\r\n1", true],
    ["", "", false],
    ["3", "", false],
    ["3\r\nab", "ab", false],
    ["3\r\nabc", "abc", false],
    ["3\r\nabc\r\n", "abc", false],
    ["fffffffffffffffffffff\r\nabc", "abc", false],
    // Invalid data ends the body after the valid part.
    ["\r\n", "", true],
    ["x\r\n", "", true],
    [";x\r\n", "", true],
    ["-1\r\nabc", "", true],
    ["3x\r\nabc", "", true],
    ["3\nabc", "", true],
    ["3;x\nabc", "", true],
    ["3\rabc", "", true],
    ["3\r\nabcd\r\n", "abc", true],
    ["3\r\nabc\n0\r\n", "abc", true],
    ["3\r\nabc\rx", "abc", true],
    ["3\r\nabc\r\n\r\n", "abc", true],
    ["3\r\nabc\r\n;x", "abc", true],
  ])("decodes %j", (text, data, isDone) => {
    for (const pieces of splitsOf(Buffer.from(text, "latin1")))
      expect(decode(pieces)).toEqual({ data, isDone });
  });

  it("decodes any data in any chunks", () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 });
    fc.assert(
      fc.property(chunks, fc.nat(250), (parts, cut) => {
        const bytes = Buffer.concat([
          ...parts.flatMap((part) => [
            Buffer.from(`${part.length.toString(16)}\r\n`),
            part,
            Buffer.from("\r\n"),
          ]),
          Buffer.from("0\r\n\r\n"),
        ]);
        expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual({
          data: Buffer.concat(parts).toString("latin1"),
          isDone: true,
        });
      }),
      { numRuns: cases(100) },
    );
  });
});
