import { beforeEach, describe, expect, it } from "vitest";
import { ConnectionInput, type OpenInput } from "../../src/connection/connection-input.js";
import { ProtocolConnection } from "../../protocol/index.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd, testResources } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { textFrame } from "../support/wire.js";

const messageTimeout = 1_000;

let clock: VirtualRuntime;
let counting: CountingRuntime;
let end: ProtocolEnd;
let input: ConnectionInput;
let events: unknown[];
let isPaused: boolean;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  end = new ProtocolEnd();
  events = [];
  isPaused = false;
  input = new ConnectionInput({
    onPhase: (phase) => events.push(phase),
    onOpen: () => events.push("stream open"),
    onData: (bytes, length) => events.push(["handshake", bytes.toString("latin1", 0, length)]),
    onEnd: () => events.push("handshake ended"),
    onClose: (error) => events.push(["handshake closed", error]),
  });
});

function openInput(): OpenInput {
  return {
    ...{ protocol: end.connection, runtime: counting.runtime, messageTimeout },
    handler: { isLending: false },
    writer: { wake: () => events.push("wake") },
    connection: {
      get isPaused() {
        return isPaused;
      },
      fail: (error) => events.push(["fail", error.code, clock.now()]),
      streamEnded: () => events.push("ended"),
      streamClosed: (error) => events.push(["closed", error]),
    },
  };
}

function receive(bytes: Buffer): void {
  input.onData(bytes, bytes.length);
}

const error = new Error("reset");

describe("before open()", () => {
  it("passes everything to the opening", () => {
    input.onPhase("tcp");
    input.onOpen();
    receive(Buffer.from("HTTP/1.1 101"));
    input.onEnd();
    input.onClose(error);
    expect(events).toEqual([
      ...["tcp", "stream open", ["handshake", "HTTP/1.1 101"]],
      ...["handshake ended", ["handshake closed", error]],
    ]);
  });
});

describe("handOver()", () => {
  const bytes = Buffer.concat([Buffer.from("HTTP"), textFrame("1")]);
  const handOver = (duringCall: () => void): void =>
    input.handOver(bytes, 4, bytes.length, () => {
      input.open(openInput());
      duringCall();
      expect(end.calls).toEqual([]);
    });

  it("passes the bytes that follow the response after the call", () => {
    handOver(() => undefined);
    expect(end.calls).toEqual([["message", "1", 1]]);
  });

  it("passes bytes and the end that arrive during the call after them", () => {
    handOver(() => {
      const [first, second] = [textFrame("2").subarray(0, 2), textFrame("2").subarray(2)];
      receive(first);
      first.fill(0);
      receive(second);
      input.onEnd();
    });
    expect(end.calls).toEqual([
      ["message", "1", 1],
      ["message", "2", 1],
    ]);
    expect(events.at(-1)).toBe("ended");
    receive(textFrame("3"));
    expect(end.calls.at(-1)).toEqual(["message", "3", 1]);
  });
});

describe("after open()", () => {
  beforeEach(() => {
    clock.advance(5);
    input.open(openInput());
  });

  it("passes bytes to the protocol, and wakes the writer", () => {
    receive(textFrame("hello"));
    expect(end.calls).toEqual([["message", "hello", 5]]);
    expect(events).toEqual(["wake"]);
  });

  it("passes only the bytes between two positions", () => {
    const bytes = Buffer.concat([Buffer.from("HTTP"), textFrame("hello")]);
    input.receive(bytes, 4, bytes.length);
    expect(input.bytesReceived).toBe(7);
    expect(end.calls).toEqual([["message", "hello", 5]]);
  });

  it("counts bytes, and notes when the last ones arrived", () => {
    expect([input.bytesReceived, input.lastReceivedAt]).toEqual([0, 5]);
    clock.advance(10);
    receive(textFrame("hello"));
    clock.advance(10);
    expect([input.bytesReceived, input.lastReceivedAt]).toEqual([7, 15]);
  });

  it("reads before each chunk whether messages may be lent", () => {
    let isLending = false;
    const lent: string[] = [];
    const handler = Object.assign(new ProtocolEnd(), {
      onBorrowed: (bytes: Buffer) => lent.push(bytes.toString()) > 0,
    });
    const options = { role: "client", handler, resources: testResources() } as const;
    const protocol = new ProtocolConnection(options);
    input.open({
      ...openInput(),
      protocol,
      handler: {
        get isLending() {
          return isLending;
        },
      },
    });
    receive(textFrame("a"));
    isLending = true;
    receive(textFrame("b"));
    expect([handler.calls, lent]).toEqual([[["message", "a", 1]], ["b"]]);
  });

  it("passes the end and the close of the stream to the connection", () => {
    input.onPhase("tls");
    input.onOpen();
    input.onEnd();
    input.onClose(error);
    expect(events).toEqual(["ended", ["closed", error]]);
  });

  it("fails the connection if an incomplete message makes no progress", () => {
    receive(textFrame("hello").subarray(0, 4));
    clock.advance(messageTimeout);
    expect(events).toEqual(["wake", ["fail", "MESSAGE_STALLED", 5 + messageTimeout]]);
    counting.assertIdle();
  });

  it("does not watch an incomplete message while reading is paused", () => {
    isPaused = true;
    receive(textFrame("hello").subarray(0, 4));
    clock.advance(messageTimeout);
    expect(events).toEqual(["wake"]);
    isPaused = false;
    input.watch(clock.now());
    input.stopWatch();
    clock.advance(2 * messageTimeout);
    expect(events).toEqual(["wake"]);
  });
});
