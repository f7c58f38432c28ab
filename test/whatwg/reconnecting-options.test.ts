import { describe, expect, it } from "vitest";
import {
  type CloseEvent,
  ReconnectingWebSocket,
  type ReconnectingWebSocketOptions,
} from "../../src/whatwg/index.js";
import { readReconnectingOptions } from "../../src/whatwg/reconnecting-options.js";

describe("the options of a ReconnectingWebSocket", () => {
  it("have defaults: no limit of messages, and a retry after every end", () => {
    const { client, maxRetries, startClosed, resetAfter } = readReconnectingOptions(undefined);
    expect({ maxRetries, startClosed, resetAfter }).toEqual({
      ...{ maxRetries: Number.MAX_SAFE_INTEGER, startClosed: false, resetAfter: 60_000 },
    });
    expect(client).toMatchObject({ reconnect: true, retryInitial: true });
    expect(client.outbox).toEqual({ capacity: 2 ** 31 - 1, maxBytes: 64 * 1024 * 1024 });
    expect(client.shouldReconnect!({} as never)).toBe(true);
  });

  it("may have the names of reconnecting-websocket", () => {
    const { client, maxRetries, startClosed, resetAfter } = readReconnectingOptions({
      ...{ maxReconnectionDelay: 1, minReconnectionDelay: 2, reconnectionDelayGrowFactor: 3, minUptime: 4 },
      ...{ connectionTimeout: 5, maxRetries: 6, maxEnqueuedMessages: 7, startClosed: true, debug: false },
    });
    expect({ maxRetries, startClosed, resetAfter }).toEqual({
      maxRetries: 6,
      startClosed: true,
      resetAfter: 4,
    });
    expect(client).toMatchObject({
      ...{ backoff: { cap: 1, base: 2, floor: 2, multiplier: 3, resetAfter: 4 }, connectTimeout: 5 },
      outbox: { capacity: 7 },
    });
    expect(Object.keys(client)).not.toEqual(expect.arrayContaining(["minUptime"]));
    // The client does not know the option.
    expect(Object.keys(client)).not.toContain("debug");
    expect(readReconnectingOptions({ maxEnqueuedMessages: 0 }).client.outbox).toBe(false);
    expect(readReconnectingOptions({ maxEnqueuedMessages: Infinity }).client.outbox).toMatchObject({
      capacity: 2 ** 31 - 1,
    });
  });

  it.each([
    [
      {
        minReconnectionDelay: 1000.4,
        maxReconnectionDelay: Infinity,
        minUptime: 0.5,
        connectionTimeout: 9.2,
      },
    ],
    [{ minReconnectionDelay: 0, maxReconnectionDelay: 0, minUptime: 0, connectionTimeout: Infinity }],
    [{ minUptime: Infinity, maxEnqueuedMessages: 2.5, reconnectionDelayGrowFactor: Infinity }],
    [{ debug: false, debugLogger: undefined, WebSocket: undefined, reconnect: true, retryInitial: true }],
    [{ maxRetries: undefined, startClosed: undefined, maxEnqueuedMessages: undefined, minUptime: undefined }],
  ])("%j is accepted by the class, as by the other packages", (options) => {
    const { startClosed: _, ...given } = options as ReconnectingWebSocketOptions;
    new ReconnectingWebSocket("ws://127.0.0.1/", [], { ...given, startClosed: true });
  });

  it("round fractions up, and replace 0 by the smallest delay", () => {
    const { client } = readReconnectingOptions({ minReconnectionDelay: 1000.4, maxReconnectionDelay: 0 });
    expect(client.backoff).toEqual({ base: 1001, floor: 1001, cap: 1 });
  });

  it("may have a function that decides by the event close", () => {
    const seen: CloseEvent[] = [];
    const shouldReconnectOnClose = (event: CloseEvent): boolean => seen.push(event) > 1;
    const { client } = readReconnectingOptions({ shouldReconnectOnClose });
    const report = { codeReceived: 4001, reasonReceived: "stop", wasClean: true, phase: "open" } as never;
    expect([client.shouldReconnect!(report), client.shouldReconnect!(report)]).toEqual([false, true]);
    expect(seen[0]).toMatchObject({ type: "close", code: 4001, reason: "stop", wasClean: true });
  });

  it("may have the names of this package", () => {
    const shouldReconnect = (): boolean => false;
    const given = { backoff: { resetAfter: 9 }, outbox: 5, heartbeat: 100, shouldReconnect } as const;
    const { client, resetAfter } = readReconnectingOptions(given);
    expect(client).toMatchObject(given);
    expect(resetAfter).toBe(9);
  });

  it.each([
    [{ WebSocket: EventTarget }, "WebSocket"],
    [{ debug: true }, "debug"],
    [{ reconnect: false }, "reconnect"],
    [{ retryInitial: false }, "retryInitial"],
    [{ debugLogger: console.log }, "debugLogger"],
    [{ buffer: 5 }, "buffer"],
    [{ serializer: JSON.stringify }, "serializer"],
    [{ subprotocols: ["a"] }, "subprotocols"],
    [{ maxRetries: -1 }, "maxRetries"],
    [{ maxRetries: "5" }, "maxRetries"],
    [{ startClosed: 1 }, "startClosed"],
    [{ shouldReconnect: true }, "shouldReconnect"],
    [{ onConnection: 5 }, "onConnection"],
    [{ minUptime: 5, backoff: {} }, "minUptime"],
    [{ minUptime: NaN }, "minUptime"],
    [{ minReconnectionDelay: "5" }, "minReconnectionDelay"],
    [{ maxReconnectionDelay: -1 }, "maxReconnectionDelay"],
    [{ connectionTimeout: null }, "connectionTimeout"],
    [{ maxEnqueuedMessages: -5 }, "maxEnqueuedMessages"],
    [{ reconnectionDelayGrowFactor: 0.5 }, "reconnectionDelayGrowFactor"],
    [{ shouldReconnectOnClose: true }, "shouldReconnectOnClose"],
    [{ shouldReconnectOnClose: () => true, shouldReconnect: () => true }, "shouldReconnectOnClose"],
    [{ connectionTimeout: 5, connectTimeout: 6 }, "connectionTimeout"],
    [{ maxEnqueuedMessages: 5, outbox: 6 }, "maxEnqueuedMessages"],
  ])("%j is refused by its name", (options, name) => {
    expect(() => readReconnectingOptions(options)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        message: expect.stringContaining(name) as string,
      }) as Error,
    );
  });
});
