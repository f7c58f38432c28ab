import { describe, expect, it } from "vitest";
import { writeHead } from "../../../protocol/http/head-writer.js";

describe("writeHead", () => {
  it("writes the fields in their order and spelling, with repeats, as latin1", () => {
    const head = writeHead("GET /p HTTP/1.1", [
      ["x-A", "1"],
      ["B", ""],
      ["X-a", "\u00e9"],
    ]);
    expect(head).toEqual(Buffer.from("GET /p HTTP/1.1\r\nx-A: 1\r\nB: \r\nX-a: \u00e9\r\n\r\n", "latin1"));
  });

  it.each(["", "GET /\r\nX: y HTTP/1.1", "GET /\0 HTTP/1.1", "GET /ü HTTP/1.1", "GET /\t HTTP/1.1"])(
    "throws for the first line %j",
    (line) => {
      expect(() => writeHead(line, [])).toThrow(TypeError);
    },
  );

  it("throws for a field that contains a line end", () => {
    expect(() => writeHead("GET / HTTP/1.1", [["X", "a\r\nY: b"]])).toThrow(TypeError);
    expect(() => writeHead("GET / HTTP/1.1", [["X: a\r\nY", "b"]])).toThrow(TypeError);
  });
});
