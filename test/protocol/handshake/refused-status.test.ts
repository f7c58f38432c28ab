import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../../protocol/errors.js";
import { describeRefusedStatus } from "../../../protocol/handshake/refused-status.js";

describe("describeRefusedStatus", () => {
  it.each<[number, HeaderField[], string, string]>([
    [200, [], "200 OK", "ordinary HTTP request"],
    [304, [], "304", "The body of the response"],
    [302, [], "302 Found", "The body of the response"],
    [302, [["location", "wss://other/p"]], "302 Found", "connect to wss://other/p if you trust it"],
    [307, [["Location", "/login?x=1"]], "307 Temporary Redirect", "connect to /login?x=*** "],
    [200, [["Location", "/login"]], "200 OK", "ordinary HTTP request"],
    [400, [["Location", "/login"]], "400 Bad Request", "malformed"],
    [401, [], "401 Unauthorized", "credentials"],
    [403, [], "403 Forbidden", "denies access"],
    [404, [], "404 Not Found", "check the url"],
    [410, [], "410 Gone", "removed"],
    [418, [], "418 instead", "The body of the response"],
    [426, [], "426 Upgrade Required", "version"],
    [429, [], "429 Too Many Requests", "wait"],
    [500, [], "500 Internal Server Error", "failed"],
    [503, [], "503 Service Unavailable", "overloaded"],
    [599, [], "599 instead", "failed"],
    [999, [], "999 instead", "failed"],
  ])("describes the status %i with the headers %j", (statusCode, headers, status, advice) => {
    const message = describeRefusedStatus(statusCode, headers);
    expect(message).toContain(`The server answered ${status}`);
    expect(message).toContain(advice);
    expect(message).toMatch(/^[^.]+ instead of 101\. .+\.$/);
  });

  it("shows the target of a redirect without credentials, and shortens a long one", () => {
    const location = `wss://user:hunter2@h/${"x".repeat(1_000)}?token=hunter2`;
    const message = describeRefusedStatus(301, [["Location", location]]);
    expect(message).toContain("wss://h/xxx");
    expect(message).not.toContain("hunter2");
    expect(message.length).toBeLessThan(500);
  });
});
