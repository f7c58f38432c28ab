import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactText } from "../../../protocol/display/redact-text.js";
import { cases } from "../../support/cases.js";
import { measureCpuTime } from "../../support/cpu-time.js";

describe("redactText", () => {
  it.each([
    ['{"type":"auth","token":"abc","x":1}', '{"type":"auth","token":***,"x":1}'],
    ['{"apiKey" : "a\\"bc" , "x":1}', '{"apiKey" : *** , "x":1}'],
    ['{"session":12345,"x":1}', '{"session":***,"x":1}'],
    ['{"access_token":null}', '{"access_token":***}'],
    ['{"secret":{"id":"abc"},"x":1}', '{"secret":***'],
    ['{"cookies":["abc"],"x":1}', '{"cookies":***'],
    ['{"token":"abc', '{"token":***'],
    ['{"token":"abc\\', '{"token":***'],
    ['{"token":', '{"token":'],
    ['{"data":"{\\"password\\":\\"abc\\",\\"x\\":1}"}', '{"data":"{\\"password\\":***'],
    ["{'passphrase':'abc'}", "{'passphrase':***}"],
    ["wss://host/?token=abc&x=1", "wss://host/?token=***&x=***"],
    ["wss://host/?v=1&api_key=abc", "wss://host/?v=1&api_key=***"],
    ["Authorization: Bearer abc\r\nHost: x", "Authorization: ***\r\nHost: x"],
    ["Cookie: a=abc; b=abc\nx: 1", "Cookie: ***\nx: 1"],
    ["X-Signature=abc", "X-Signature=***"],
    ['["Authorization","Bearer abc"]', '["Authorization","Bearer ***"]'],
    ['{"price":1,"side":"buy"}', '{"price":1,"side":"buy"}'],
    ["", ""],
    ["-----BEGIN PRIVATE KEY-----\nab/c\n-----END PRIVATE KEY-----\nx", "***\nx"],
    ["Unauthorized: the token has expired", "Unauthorized: the token has expired"],
    ["password: hunter", "password: ***"],
    ["Authorization: Digest abc def", "Authorization: ***"],
    ["the token is not valid", "the token is not valid"],
    ["bad key 3f2504e0-4f89-11d3-9a0c-0305e82c3301.", "bad key ***."],
    ["sub eyJhbGciOiJub25lIn0.e30. is wrong", "sub *** is wrong"],
    ["see (https://user:pass@host/p?a=b).", "see (https://host/p?a=***)."],
    ["see https://host, and wss://host/?v=1", "see https://host, and wss://host/?v=1"],
    ["connect ECONNREFUSED 127.0.0.1:8443", "connect ECONNREFUSED 127.0.0.1:8443"],
    ["C0B7A8F1D77F0000:error:0A000152:SSL routines", "C0B7A8F1D77F0000:error:0A000152:SSL routines"],
  ])("replaces secrets: %s becomes %s", (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it.each([
    "token",
    "Password",
    "client_secret",
    "AUTHORIZATION",
    "api-key",
    "Signature",
    "set-cookie",
    "sessionId",
  ])("hides the value of %s, wherever the text is cut", (name) => {
    const value = fc.string({
      unit: fc.constantFrom("7", "8", "9", '"', "\\", " ", ",", "}"),
      maxLength: 20,
    });
    const property = fc.property(value, fc.nat(64), (secret, end) => {
      const digits = /[789]/;
      for (const text of [JSON.stringify({ x: 1, [name]: secret }), JSON.stringify({ [name]: [secret] })]) {
        expect(redactText(text.slice(0, end))).not.toMatch(digits);
      }
      const plain = secret.replace(/["\\]/g, "");
      expect(redactText(`${name}=${plain}`.slice(0, end))).not.toMatch(digits);
      expect(redactText(`${name}: ${plain}`.slice(0, end))).not.toMatch(digits);
    });
    fc.assert(property, { numRuns: cases(300) });
  });

  const size = 20_000;
  const shapes: readonly (readonly [what: string, text: string])[] = [
    ["one word", "a".repeat(size)],
    ["the path of a URL", `wss://host/${"path/".repeat(size / 5)}`],
    ["the query of a URL", `wss://host/?${"name=value&".repeat(size / 11)}`],
    ["one word of repeated secret names", "token".repeat(size / 5)],
    ["secret names with spaces", "api key".repeat(size / 7)],
    ["a secret name and white space", `token${" ".repeat(size)}`],
    ["secret names without values", "token=\n".repeat(size / 7)],
    ["secret names with unterminated quotes", "token='x".repeat(size / 8)],
    ["backslashes", "\\".repeat(size)],
    ["backslashes after a secret name", `token${"\\".repeat(size)}`],
    ["double quotes", '"'.repeat(size)],
    ["single quotes", "'".repeat(size)],
    ["quotes and white space", `"${" ".repeat(100)}`.repeat(size / 101)],
    ["escaped quotes in a value", `{"token":"${'\\"'.repeat(size / 2)}`],
    ["separators", ":".repeat(size)],
    ["separators with white space", ": ".repeat(size / 2)],
    ["dots and hyphens", ".-".repeat(size / 2)],
    ["schemes", "Bearer ".repeat(size / 7)],
    ["a scheme and white space", `Bearer${" ".repeat(size)}`],
    ["dots of a URL", `https://host/${".".repeat(size)}x`],
    ["URLs", "https://host/?a=b ".repeat(size / 18)],
    ["secret names and prose", "token: a b ".repeat(size / 11)],
    ["secret names and digits", "token 123456".repeat(size / 12)],
    ["the starts of private keys", "-----BEGIN ".repeat(size / 11)],
    ["the starts of JSON Web Tokens", "eyJhbGciOi.".repeat(size / 11)],
    ["question marks", "?".repeat(size)],
    ["queries", "?a=".repeat(size / 3)],
    ["quoted parameters", 'auth: a="b"'.repeat(size / 11)],
    ["one random word", "a1B".repeat(size / 3)],
    ["words and separators", `${"a".repeat(100)}:`.repeat(size / 101)],
  ];

  it.each(shapes)("needs linear time for a long text: %s", (_what, text) => {
    const cpuTime = measureCpuTime();
    // A quadratic regular expression needs seconds for one of these texts.
    redactText(text);
    expect(cpuTime()).toBeLessThan(500);
  });

  it("hides a secret at the end of a long text", () => {
    for (const [, text] of shapes) expect(redactText(`${text}\n&token=abc`)).not.toContain("abc");
  });
});

describe("redactText of a value that is not one word", () => {
  it.each([
    ["Cannot GET /feed?t=hunter2&v=2", "Cannot GET /feed?t=***&v=2"],
    ["see /feed?t=hunter2.", "see /feed?t=***."],
    ['<a href="/feed?t=hunter2">', '<a href="/feed?t=***">'],
    ['Authorization: Token token="hunter2"', "Authorization: ***"],
    ['Authorization: Digest username="a", response="hunter2"\nHost: h', "Authorization: ***\nHost: h"],
  ])("%s becomes %s", (text, shown) => {
    expect(redactText(text)).toBe(shown);
    expect(redactText(shown)).toBe(shown);
  });

  it.each(["author: Bob", "design: broken", "what?", "assignment = 5", "why? a=b"])("shows %s", (text) => {
    expect(redactText(text)).toBe(text);
  });
});
