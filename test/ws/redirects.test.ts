import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../src/index.js";
import { readAddress } from "../../src/ws/address.js";
import { addAuthorization, type Fields, locationOf, Redirects } from "../../src/ws/redirects.js";

const fields = (): Fields =>
  new Map(["authorization", "cookie", "host", "x-other"].map((name) => [name, [name, "x"] as const]));

describe("the target of a redirect", () => {
  const answer = (
    statusCode: number,
    headers: [string, string][],
    code = "UNEXPECTED_STATUS",
  ): HandshakeError => new HandshakeError("", { code, statusCode, headers });

  it("is the field Location of a response with 3xx", () => {
    expect(locationOf(answer(302, [["LOCATION", "ws://b.test/?token=secret"]]))).toBe(
      "ws://b.test/?token=secret",
    );
    expect(locationOf(answer(302, []))).toBeUndefined();
    expect(locationOf(answer(200, [["location", "/"]]))).toBeUndefined();
    expect(locationOf(answer(400, [["location", "/"]]))).toBeUndefined();
    expect(locationOf(answer(302, [["location", "/"]], "INVALID_ACCEPT"))).toBeUndefined();
    expect(locationOf(new Error("other"))).toBeUndefined();
  });
});

describe("the credentials", () => {
  it.each([
    ["wss://a.test/", "wss://a.test/b", ["authorization", "cookie", "host", "x-other"]],
    ["ws://a.test/", "wss://a.test/", ["authorization", "cookie", "host", "x-other"]],
    ["wss://a.test:81/", "ws://a.test:81/", ["host", "x-other"]],
    ["ws://a.test/", "ws://a.test:81/", ["x-other"]],
    ["ws://a.test/", "ws://b.a.test/", ["x-other"]],
    ["ws+unix:/s:/", "ws+unix:/s:/b", ["authorization", "cookie", "host", "x-other"]],
    ["ws+unix:/s:/", "ws+unix:/t:/", ["x-other"]],
    ["ws+unix:/s:/", "ws://localhost/", ["x-other"]],
    ["ws://localhost/", "ws+unix:/s:/", ["x-other"]],
  ])("of %s for %s", (from, to, expected) => {
    const sent = fields();
    new Redirects(readAddress(from), 1).removeCredentials(sent, readAddress(to));
    expect([...sent.keys()]).toEqual(expected);
  });

  it("of an address are added unless there are others", () => {
    const sent: Fields = new Map();
    addAuthorization(sent, undefined);
    addAuthorization(sent, "u:p");
    addAuthorization(sent, "other:x");
    expect([...sent.values()]).toEqual([["Authorization", `Basic ${btoa("u:p")}`]]);
  });
});

describe("the number of redirects", () => {
  it("is limited", () => {
    const redirects = new Redirects(readAddress("ws://a.test"), 1);
    redirects.count();
    expect(() => redirects.count()).toThrow("Maximum redirects exceeded");
    expect([redirects.isOn, new Redirects(readAddress("ws://a.test"), -1).isOn]).toEqual([true, false]);
  });
});
