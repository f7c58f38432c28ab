import { describe, expect, it } from "vitest";
import { WebSocket } from "../../src/index.js";
import { readCallOptions } from "../../src/options/call-options.js";
import { hintFor } from "../../src/options/option-hints.js";

/** Returns the error message of the constructor without its list of options. */
function messageFor(options: object): string {
  try {
    new WebSocket("ws://feed.test/", options);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message.split(" Known options: ")[0]!;
  }
}

describe("an unknown option", () => {
  it.each([
    ["perMessageDeflate", "Use compress."],
    ["handshakeTimeout", "Use connectTimeout."],
    ["connectionTimeout", "Use connectTimeout."],
    ["protocols", "Use subprotocols."],
    ["protocol", "Use subprotocols."],
    ["agent", "Use createConnection."],
    ["maxPayload", "Use maxMessageSize."],
    ["rejectUnauthorized", "Use tls, "],
    ["ca", "Use tls, "],
    ["servername", "Use tls, "],
    ["maxRetries", "Use backoff.maxAttempts."],
    ["pingInterval", "Use heartbeat.interval."],
    ["reconnectInterval", "Use backoff.base."],
    ["maxReconnectionDelay", "Use backoff.cap."],
    ["minReconnectionDelay", "Use backoff.base."],
    ["maxEnqueuedMessages", "Use outbox."],
    ["origin", "Use headers."],
    ["maxRedirects", "Use followRedirects."],
    ["skipUTF8Validation", "Text is always checked"],
    ["json", "Spread it into the options: { ...json }."],
    ["raw", "Spread it into the options: { ...raw }."],
    ["autoConnect", "Nothing is opened before connect() or run()."],
    ["connect_timeout", "Use connectTimeout."],
    ["reconect", "Use reconnect."],
  ])("of another library is reported with its counterpart: %s", (name, hint) => {
    expect(messageFor({ [name]: false })).toContain(`Unknown option "${name}" in options. ${hint}`);
    expect(messageFor({ [name]: undefined })).toBe("");
  });

  it.each([
    [{ backoff: { maxRetries: 5 } }, "Use maxAttempts."],
    [{ backoff: { factor: 5 } }, "Use multiplier."],
    [{ heartbeat: { pingInterval: 5 } }, "Use interval."],
    [{ heartbeat: { timeoutMs: 5 } }, "Use timeout."],
    [{ buffer: { size: 5 } }, 'Unknown option "size" in buffer.'],
    [{ outbox: { maxRetries: 5 } }, "Use backoff.maxAttempts."],
    [{ compress: { serverMaxWindowBits: 9 } }, "Use serverWindowBits."],
    [{ compress: { threshold: 9 } }, "Use compressionThreshold."],
    [{ backoff: { multiplyer: 5 } }, "Use multiplier."],
  ])("inside another option is reported with its counterpart: %j", (options, hint) => {
    expect(messageFor(options)).toContain(hint);
  });

  it("has no hint if no option is similar", () => {
    expect(messageFor({ qqq: 5 })).toBe('Unknown option "qqq" in options.');
    expect(hintFor("nowhere", "toString", ["a"])).toBe("");
    expect(hintFor("options", "constructor", ["a"])).toBe("");
  });

  it("of a call is reported with the nearest name", () => {
    const read = (): unknown => readCallOptions<object>({ timout: 5 }, ["signal", "timeout"]);
    expect(read).toThrow("Use timeout.");
  });
});

describe("the hints", () => {
  it.each([
    "perMessageDeflate",
    "agent",
    "retries",
    "maxPayload",
    "queue",
    "maxQueue",
    "parser",
    "shouldRetry",
  ])("name only options that exist: %s", (name) => {
    const [, named] = / Use (\w+)/.exec(messageFor({ [name]: 1 }))!;
    expect(messageFor({ [named!]: Symbol("wrong") })).not.toContain("Unknown option");
  });
});
