import { describe, expect, it } from "vitest";
import { parseRequestLine, parseStatusLine } from "../../../protocol/http/start-line.js";

describe("parseStatusLine", () => {
  it.each([
    ["HTTP/1.1 101 Switching Protocols", 1, 101],
    ["HTTP/1.1 101 ", 1, 101],
    ["HTTP/1.1 101", 1, 101],
    ["HTTP/1.0 503 a  b\u00e9\t", 0, 503],
    ["HTTP/1.1 999 x", 1, 999],
  ])("parses %j", (line, minorVersion, statusCode) => {
    expect(parseStatusLine(line)).toEqual({ minorVersion, statusCode });
  });

  it.each([
    "",
    "HTTP/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1  101 x",
    "HTTP/1.1 10 x",
    "HTTP/1.1 1010 x",
    "HTTP/1.1 1O1 x",
    "HTTP/1.1 001 x",
    "HTTP/1.1 101x",
    "HTTP/1.1\t101 x",
    "HTTP/1.2 101 x",
    "HTTP/2.0 101 x",
    "HTTP/11 101 x",
    "http/1.1 101 x",
    " HTTP/1.1 101 x",
    "ICY 200 OK",
    "SSH-2.0-OpenSSH_9.6",
  ])("returns undefined for %j", (line) => {
    expect(parseStatusLine(line)).toBeUndefined();
  });
});

describe("parseRequestLine", () => {
  it.each([
    ["GET / HTTP/1.1", "GET", "/", "1.1"],
    ["M-SEARCH * HTTP/1.0", "M-SEARCH", "*", "1.0"],
    ["PRI * HTTP/2.0", "PRI", "*", "2.0"],
    ["GET http://h/p?q#f HTTP/1.1", "GET", "http://h/p?q#f", "1.1"],
  ])("parses %j", (line, method, target, version) => {
    expect(parseRequestLine(line)).toEqual({ method, target, version });
  });

  it.each([
    "",
    "GET /",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET /ü HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "G(T / HTTP/1.1",
    "GET / http/1.1",
    "GET / HTTP/1",
    "GET / HTTP/1.10",
    "GET / HTTP/11",
  ])("returns undefined for %j", (line) => {
    expect(parseRequestLine(line)).toBeUndefined();
  });
});
