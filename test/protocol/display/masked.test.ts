import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { HandshakeError, ProxyError } from "../../../protocol/errors.js";
import { displayField, maskBody, maskFields, unmasked } from "../../../protocol/display/masked.js";

describe("displayField", () => {
  it.each([
    ["Set-Cookie", "a=b", "***"],
    ["Cookie", "a=b", "***"],
    ["AUTHORIZATION", "Bearer x", "***"],
    ["Proxy-Authorization", "Basic eDp5", "***"],
    ["Proxy-Connection", "x", "***"],
    ["Authentication-Info", "x", "***"],
    ["X-Api-Key", "x", "***"],
    ["WWW-Authenticate", "Basic", "Basic"],
    ["WWW-Authenticate", 'Bearer realm="x"', "***"],
    ["Proxy-Authenticate", "NTLM abc", "***"],
    ["WWW-Authenticate", "hunter2", "***"],
    ["Location", "https://user:pass@h/?token=x#y", "https://h/?token=***"],
    ["Content-Location", "/a?b", "/a?***"],
    ["Refresh", "5; url=https://h/?a=b", "5; url=https://h/?a=***"],
    ["Link", "<https://h/?a=b>; rel=next", "<https://h/?a=***>; rel=next"],
    ["Sec-WebSocket-Protocol", "chat, bearer.x", "chat, bearer.***"],
    ["X-Debug", "d41d8cd98f00b204e980", "***"],
    ["X-Request-Id", "d41d8cd98f00b204e980", "d41d8cd98f00b204e980"],
    ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ["Retry-After", "120", "120"],
    ["Date", "Mon, 30 Nov 2026 05:48:36 GMT", "Mon, 30 Nov 2026 05:48:36 GMT"],
    ["Server", "nginx/1.25.3", "nginx/1.25.3"],
    ["Content-Type", "text/html; charset=utf-8", "text/html; charset=utf-8"],
  ])("shows %s: %s as %s", (name, value, shown) => {
    expect(displayField(value, name)).toBe(shown);
  });
});

describe.each([
  ["HandshakeError", (headers: [string, string][]) => new HandshakeError("no", { code: "X", headers })],
  ["ProxyError", (headers: [string, string][]) => new ProxyError("no", { code: "X", headers })],
])("the headers of a %s", (_name, create) => {
  const received: [string, string][] = [
    ["Server", "x"],
    ["Set-Cookie", "sid=hunter2"],
  ];
  const error = create(received);

  it("are an array in which secrets are hidden", () => {
    expect(error.headers).toEqual([
      ["Server", "x"],
      ["Set-Cookie", "***"],
    ]);
    expect(Array.isArray(error.headers)).toBe(true);
    expect(Object.isFrozen(error.headers)).toBe(true);
    expect(error.headers.map(([name]) => name)).toEqual(["Server", "Set-Cookie"]);
  });

  it("show no secret when they are printed, converted or copied", () => {
    const outputs = [
      inspect(error, { depth: 9, showHidden: true }),
      inspect(error, { depth: 9, showHidden: true, customInspect: false, getters: true }),
      JSON.stringify(error),
      JSON.stringify(Object.entries(error)),
      String([...error.headers]),
      JSON.stringify(Object.entries(error.headers)),
      JSON.stringify(structuredClone([...error.headers])),
    ];
    for (const output of outputs) expect(output).not.toContain("hunter2");
  });

  it("return the received fields from an explicit call", () => {
    expect(error.headers.unmasked()).toEqual(received);
    expect(unmasked(error.headers)).toEqual(received);
    expect(unmasked(maskFields(error.headers, () => "other"))).toEqual(received);
    expect(maskFields(error.headers, () => "other")[1]).toEqual(["Set-Cookie", "other"]);
  });

  it("are not changed when the array that was passed changes later", () => {
    const given: [string, string][] = [["a", "b"]];
    const other = create(given);
    given[0]![1] = "c";
    given.push(["d", "e"]);
    expect(other.headers.unmasked()).toEqual([["a", "b"]]);
  });
});

describe("maskBody", () => {
  const body = maskBody(Buffer.from("token hunter2"));

  it("has the received bytes", () => {
    expect(body.toString()).toBe("token hunter2");
    expect(Buffer.isBuffer(body)).toBe(true);
    expect(body.unmasked()).toEqual(Buffer.from("token hunter2"));
    expect(unmasked(body).toJSON().data).toHaveLength(13);
  });

  it("shows its size when it is printed or converted", () => {
    expect(inspect(body, { showHidden: true })).toBe("<body of 13 bytes>");
    expect(JSON.stringify({ body })).toBe('{"body":"<body of 13 bytes>"}');
    const error = new HandshakeError("no", { code: "X", body: Buffer.from("token hunter2") });
    expect(JSON.stringify(error)).toContain('"body":"<body of 13 bytes>"');
    expect(inspect(error)).toContain("<body of 13 bytes>");
  });
});

describe("unmasked", () => {
  it.each([[undefined], [null], ["text"], [{}], [[1]], [{ unmasked: "text" }]])(
    "returns %j itself",
    (value) => {
      expect(unmasked(value)).toBe(value);
    },
  );

  it("reads no inherited property", () => {
    const value = Object.create({ unmasked: () => "inherited" }) as object;
    expect(unmasked(value)).toBe(value);
  });
});
