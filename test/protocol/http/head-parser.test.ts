import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../../protocol/errors.js";
import { HeadParser, type HeadLimits, type HeadResult } from "../../../protocol/http/head-parser.js";
import { writeHead } from "../../../protocol/http/head-writer.js";
import { parseRequestLine, parseStatusLine, type StatusLine } from "../../../protocol/http/start-line.js";
import { cases } from "../../support/cases.js";
import { feed, splitsOf } from "../../support/splits.js";

const status = "HTTP/1.1 101 Switching Protocols\r\n";

function parse(pieces: readonly Uint8Array[], limits?: HeadLimits): HeadResult<StatusLine> | undefined {
  const parser = new HeadParser(parseStatusLine, limits);
  const { result, offsetOf } = feed(pieces, (bytes, start, end) => parser.receive(bytes, start, end));
  return result?.kind === "head" ? { ...result, consumed: offsetOf(result.consumed) } : result;
}

/** Returns the result of parsing `text`, which must be the same at every split. */
function parseEverySplit(text: string, limits?: HeadLimits): HeadResult<StatusLine> | undefined {
  const [whole, ...others] = splitsOf(Buffer.from(text, "latin1")).map((pieces) => parse(pieces, limits));
  for (const other of others) expect(other).toEqual(whole);
  return whole;
}

describe("HeadParser with valid heads", () => {
  it.each<[string, HeaderField[]]>([
    ["", []],
    ["A: b\r\n", [["A", "b"]]],
    ["A:b\r\n", [["A", "b"]]],
    ["A:\r\n", [["A", ""]]],
    ["A: \t \r\n", [["A", ""]]],
    ["A: \tb c\td\t \r\n", [["A", "b c\td"]]],
    ["A: b:c: d\r\n", [["A", "b:c: d"]]],
    ["A: caf\u00e9\u0080\u00ff\r\n", [["A", "caf\u00e9\u0080\u00ff"]]],
    ["A: \u00a0b\u00a0\r\n", [["A", "\u00a0b\u00a0"]]],
    [
      "b: 1\r\nA: 2\r\nB: 3\r\nb: 1\r\n",
      [
        ["b", "1"],
        ["A", "2"],
        ["B", "3"],
        ["b", "1"],
      ],
    ],
  ])("parses the fields %j", (fields, headers) => {
    const text = `${status}${fields}\r\n`;
    expect(parseEverySplit(text)).toEqual({
      kind: "head",
      startLine: { minorVersion: 1, statusCode: 101 },
      headers,
      consumed: text.length,
    });
  });

  it("does not consume bytes after the head", () => {
    const text = `${status}A: b\r\n\r\n`;
    expect(parseEverySplit(`${text}\u0081\u0000rest\r\n\r\n`)).toMatchObject({
      kind: "head",
      consumed: text.length,
    });
  });

  it("waits for the end of the head", () => {
    const text = `${status}A: b\r\n\r\n`;
    for (let length = 0; length < text.length; length++) {
      expect(parse([Buffer.from(text.slice(0, length))])).toBeUndefined();
    }
  });

  it("parses requests", () => {
    const bytes = Buffer.from("GET /p HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(new HeadParser(parseRequestLine).receive(bytes, 0, bytes.length)).toEqual({
      kind: "head",
      startLine: { method: "GET", target: "/p", version: "1.1" },
      headers: [["Host", "h"]],
      consumed: bytes.length,
    });
  });
});

describe("HeadParser with malformed heads", () => {
  it.each([
    ["HTTP/1.1 101 x\n", "line feed"],
    ["\r\n", "first line"],
    ["\n", "line feed"],
    [" HTTP/1.1 101 x\r\n", "first line"],
    ["HTTP/2 101 x\r\n", "first line"],
    ["GET / HTTP/1.1\r\n", "first line"],
    ["\u0015\u0003\u0001", "control character 0x15"],
    ["HTTP/1.1 101 x\rA: b\r\n", "carriage return"],
    ["HTTP/1.1 101 x\r\r\n", "carriage return"],
    [`${status}A: b\n`, "line feed"],
    [`${status}A: b\r\n\n`, "line feed"],
    [`${status}A: b\r\n\rx`, "carriage return"],
    [`${status}A: b\rc\r\n`, "carriage return"],
    [`${status} A: b\r\n`, "begins with whitespace"],
    [`${status}\tA: b\r\n`, "begins with whitespace"],
    [`${status}A: b\r\n c\r\n`, "begins with whitespace"],
    [`${status}A: b\r\n \r\n`, "begins with whitespace"],
    [`${status}A: b\r\nC : d\r\n`, "header line 2 has no valid name"],
    [`${status}A\t: b\r\n`, "header line 1 has no valid name"],
    [`${status}A b: c\r\n`, "no valid name"],
    [`${status}: b\r\n`, "no valid name"],
    [`${status}A\r\n`, "no valid name"],
    [`${status}\u00e9: b\r\n`, "no valid name"],
    [`${status}A(: b\r\n`, "no valid name"],
    [`${status}A: \0\r\n`, "control character 0x00"],
    [`${status}A\0: b\r\n`, "control character 0x00"],
    [`${status}A: b\u0008\r\n`, "control character 0x08"],
    [`${status}A: b\u007f\r\n`, "control character 0x7f"],
    ["HTTP/1.1 101 \u001b[31m\r\n", "control character 0x1b"],
  ])("rejects %j", (text, reason) => {
    expect(parseEverySplit(text)).toEqual({
      kind: "malformed",
      reason: expect.stringContaining(reason) as string,
    });
  });

  it("rejects at the first invalid byte, not at the end of the head", () => {
    expect(parse([Buffer.from("SSH-2.0-x\r\n")])).toMatchObject({ kind: "malformed" });
    expect(parse([Buffer.from("\0")])).toMatchObject({ kind: "malformed" });
  });
});

describe("HeadParser with limits", () => {
  const headOfSize = (size: number): Buffer => {
    const frame = `${status}A: \r\n\r\n`;
    return Buffer.from(frame.replace("A: ", `A: ${"x".repeat(size - frame.length)}`));
  };
  const bytewise = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));

  it.each([
    [16_383, "head"],
    [16_384, "head"],
    [16_385, "too-large"],
    [16_386, "too-large"],
    [100_000, "too-large"],
  ])("returns for %i bytes: %s", (size, kind) => {
    const bytes = headOfSize(size);
    expect(bytes.length).toBe(size);
    expect(parse([bytes])?.kind).toBe(kind);
    expect(parse(bytewise(bytes))?.kind).toBe(kind);
    expect(parse([bytes.subarray(0, 16_000), bytes.subarray(16_000)])?.kind).toBe(kind);
  });

  it("rejects as soon as the limit is reached", () => {
    expect(parse([headOfSize(20_000).subarray(0, 16_383)])).toBeUndefined();
    expect(parse([headOfSize(20_000).subarray(0, 16_384)])).toEqual({
      kind: "too-large",
      reason: "its head has too many bytes",
    });
    expect(parse([Buffer.alloc(16_384, "x")])?.kind).toBe("too-large");
  });

  it("does not count bytes after the head", () => {
    expect(parse([Buffer.concat([headOfSize(100), Buffer.alloc(300_000)])])).toMatchObject({ consumed: 100 });
  });

  it.each([
    [99, "head"],
    [100, "head"],
    [101, "too-large"],
  ])("returns for %i fields: %s", (count, kind) => {
    expect(parse([Buffer.from(`${status}${"A: b\r\n".repeat(count)}\r\n`)])?.kind).toBe(kind);
  });

  it("applies limits from its options", () => {
    const text = `${status}A: b\r\nC: d\r\n\r\n`;
    expect(parseEverySplit(text, { maxHeaderFields: 2, maxHeaderSize: text.length })?.kind).toBe("head");
    expect(parseEverySplit(text, { maxHeaderFields: 1 })).toEqual({
      kind: "too-large",
      reason: "its head has more than 1 fields",
    });
    expect(parseEverySplit(text, { maxHeaderSize: text.length - 1 })?.kind).toBe("too-large");
  });

  it("reads each byte once, even if the bytes arrive one by one", () => {
    let reads = 0;
    const counting = (byte: number): Uint8Array =>
      new Proxy(Uint8Array.of(byte), {
        get: (target, key) => {
          if (key === "0") reads++;
          return Reflect.get(target, key, target) as unknown;
        },
      });
    const parser = new HeadParser(parseStatusLine);
    const bytes = headOfSize(16_384);
    let result: HeadResult<StatusLine> | undefined;
    for (const byte of bytes) result = parser.receive(counting(byte), 0, 1);
    expect(result?.kind).toBe("head");
    expect(reads).toBe(bytes.length);
  });
});

describe("HeadParser and writeHead", () => {
  const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~\dA-Za-z]{1,12}$/);
  const value = fc
    .string({
      unit: fc.constantFrom("a", "b", "\t", " ", ",", ";", ":", "=", '"', "\\", "\u0080", "\u00e9", "\u00ff"),
      maxLength: 20,
    })
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ""));
  const fields = fc.array(fc.tuple(name, value), { maxLength: 12 });

  it("parse the written head to the same fields, at any split", () => {
    fc.assert(
      fc.property(fields, fc.array(fc.nat(400), { maxLength: 4 }), (headers, cuts) => {
        const bytes = writeHead("HTTP/1.1 200 OK", headers);
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(parse(pieces)).toEqual({
          kind: "head",
          startLine: { minorVersion: 1, statusCode: 200 },
          headers,
          consumed: bytes.length,
        });
      }),
      { numRuns: cases(100) },
    );
  });

  it("do not throw for any bytes, and give the same result at any split", () => {
    const text = fc.string({
      unit: fc.constantFrom("\r\n", "\r", "\n", ":", "A", " ", "\t", "\0", "\u00e9"),
      maxLength: 30,
    });
    fc.assert(
      fc.property(text, (tail) => void parseEverySplit(status + tail)),
      { numRuns: cases(100) },
    );
  });
});
