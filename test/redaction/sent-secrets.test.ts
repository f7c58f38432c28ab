import { describe, expect, it } from "vitest";
import { parseProxy, parseUri } from "../../protocol/index.js";
import { hasCredentials, sentSecrets, type SentValues } from "../../src/redaction/sent-secrets.js";

const hex = "d41d8cd98f00b204e9800998ecf8427e";

function sent(
  url: string,
  headers: SentValues["headers"] = [],
  subprotocols: readonly string[] = [],
): SentValues {
  return { uri: parseUri(url), headers, subprotocols };
}

describe("sentSecrets", () => {
  it.each([
    ["a password", sent("ws://user:hunter2@h"), "hunter2"],
    ["a Basic header", sent("ws://user:hunter2@h"), Buffer.from("user:hunter2").toString("base64")],
    ["a percent-encoded password", sent("ws://user:hun%2Fter@h"), "hun/ter"],
    ["a user name without a password", sent("ws://hunter2:@h"), "hunter2"],
    ["a token of the query", sent("ws://h/?token=hunter2"), "hunter2"],
    ["a bearer token", sent("ws://h", [["Authorization", "Bearer hunter2"]]), "hunter2"],
    [
      "the password of a Basic header",
      sent("ws://h", [["Authorization", `Basic ${btoa("a:hunter2")}`]]),
      "hunter2",
    ],
    ["a cookie", sent("ws://h", [["Cookie", "a=1; sid=hunter2"]]), "hunter2"],
    ["a key", sent("ws://h", [["X-Api-Key", "hunter2"]]), "hunter2"],
    ["a subprotocol", sent("ws://h", [], ["chat", "bearer.hunter2"]), "hunter2"],
    ["a subprotocol after its name", sent("ws://h", [], ["access_token", "hunter2"]), "hunter2"],
  ])("finds %s", (_what, values, secret) => {
    expect(sentSecrets(values)).toContain(secret);
    expect(hasCredentials(values)).toBe(true);
  });

  it("finds the hidden parts of the path, which are no credentials", () => {
    const values = sent(`ws://h/feed;sid=hunter2/token/hunter3/${hex}/login`);
    expect(sentSecrets(values)).toEqual(["hunter2", "hunter3", hex]);
    expect(hasCredentials(values)).toBe(false);
  });

  it("finds the credentials for the proxy and the passphrase", () => {
    const proxy = {
      uri: parseProxy("http://user:hunter2@p"),
      headers: [["Proxy-Authorization", "Bearer abcd"]] as const,
    };
    expect(sentSecrets(sent("ws://h"), proxy, { passphrase: "correct" })).toEqual(
      expect.arrayContaining(["hunter2", "Bearer abcd", "abcd", "correct"]),
    );
  });

  it("finds options of TLS that are of the wrong type, and a proxy's user name without a password", () => {
    const proxy = {
      ...{ uri: parseProxy("http://hunter2@p"), headers: [] },
      tls: { passphrase: 87_654_321 as never },
    };
    const tls = { passphrase: 12_345_678 as never, ticketKeys: "hunter3" as never };
    expect(sentSecrets(sent("ws://h"), proxy, tls)).toEqual(["hunter2", "12345678", "hunter3", "87654321"]);
    const inherited = Object.create({ passphrase: "hunter2" }) as object;
    expect(sentSecrets(sent("ws://h"), undefined, inherited)).toEqual([]);
  });

  it.each([
    sent("ws://h/p?symbol=btcusdt&v=1"),
    sent("ws://h", [["Origin", "https://example.com"]], ["chat", "graphql-transport-ws"]),
    sent("ws://h/?token="),
    sent("ws://a:b@h/?token=c", [["Cookie", "a=b"]]),
  ])("finds nothing that occurs in words", (values) => {
    const found = sentSecrets(values).filter((secret) => !secret.includes("YTpi"));
    expect(found).toEqual([]);
  });
});

describe("hasCredentials", () => {
  it("is false without credentials", () => {
    expect(hasCredentials(sent("ws://h/p?symbol=btc", [["Origin", "x"]], ["chat"]))).toBe(false);
  });

  it("is true for a value of the query that looks random", () => {
    expect(hasCredentials(sent(`ws://h/?t=${hex}`))).toBe(true);
    expect(hasCredentials(sent(`ws://h/?${hex}`))).toBe(true);
  });
});
