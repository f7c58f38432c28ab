import { beforeEach, describe, expect, it } from "vitest";
import { MessageWatch } from "../../src/connection/message-watch.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { fragments, frame, opcodes, pingFrame, textFrame } from "../support/wire.js";

const timeout = 1_000;

let clock: VirtualRuntime;
let counting: CountingRuntime;
let end: ProtocolEnd;
let watch: MessageWatch;
let stalledAt: number[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  end = new ProtocolEnd();
  stalledAt = [];
  watch = new MessageWatch(end.connection, counting.runtime, timeout, () => stalledAt.push(clock.now()));
});

function read(bytes: Buffer): void {
  end.connection.receive(bytes);
  watch.check(clock.now());
}

/** Receives a text frame of `size` bytes, up to the first `sent` bytes of its payload. */
function begin(size: number, sent: number): void {
  read(textFrame("x".repeat(size)).subarray(0, (size < 126 ? 2 : 4) + sent));
}

describe("MessageWatch", () => {
  it("sets no timer for messages that arrive in one read", () => {
    for (let count = 0; count < 10; count++) read(textFrame("whole"));
    expect(counting.openTimers).toBe(0);
  });

  it.each([
    ["a header", textFrame("x").subarray(0, 1)],
    ["a payload", textFrame("x".repeat(100)).subarray(0, 50)],
    ["a message", fragments(opcodes.text, ["a", "b"])[0]!],
    ["a ping", pingFrame("four").subarray(0, 4)],
  ])("reports %s that makes no progress", (_what, bytes) => {
    read(bytes);
    clock.advance(timeout - 1);
    expect(stalledAt).toEqual([]);
    clock.advance(1);
    expect(stalledAt).toEqual([timeout]);
  });

  it("does not report a message that is complete in time", () => {
    begin(100, 50);
    clock.advance(timeout - 1);
    read(Buffer.alloc(50, "x"));
    clock.advance(10 * timeout);
    expect(stalledAt).toEqual([]);
  });

  it("measures from the start of the current message, not of the previous one", () => {
    begin(100, 50);
    clock.advance(900);
    read(Buffer.concat([Buffer.alloc(50, "x"), textFrame("xx").subarray(0, 3)]));
    clock.advance(999);
    expect(stalledAt).toEqual([]);
    clock.advance(1);
    expect(stalledAt).toEqual([1_900]);
  });

  describe("progress", () => {
    it("means 1 KiB per messageTimeout", () => {
      begin(60_000, 0);
      for (let round = 0; round < 10; round++) {
        clock.advance(timeout - 1);
        read(Buffer.alloc(1_024, "x"));
      }
      expect(stalledAt).toEqual([]);
      clock.advance(timeout - 1);
      read(Buffer.alloc(1_023, "x"));
      clock.advance(1);
      expect(stalledAt).toEqual([11 * timeout - 10]);
    });

    it("is added up over several reads", () => {
      begin(60_000, 0);
      for (let round = 0; round < 40; round++) {
        clock.advance(100);
        read(Buffer.alloc(128, "x"));
      }
      expect(stalledAt).toEqual([]);
    });

    it("does not include less than 1 KiB per messageTimeout", () => {
      begin(60_000, 0);
      for (let round = 0; round < 11; round++) {
        clock.advance(100);
        read(Buffer.alloc(100, "x"));
      }
      expect(stalledAt).toEqual([timeout]);
    });

    it("does not include empty fragments and the pings between them", () => {
      read(frame({ opcode: opcodes.text, isFinal: false, payload: "a" }));
      for (let round = 0; round < 11; round++) {
        clock.advance(100);
        read(
          Buffer.concat([pingFrame("still here"), frame({ opcode: opcodes.continuation, isFinal: false })]),
        );
      }
      expect(stalledAt).toEqual([timeout]);
    });
  });

  describe("a pause", () => {
    it("stops the measurement and leaves no timer", () => {
      begin(100, 50);
      clock.advance(900);
      watch.stop();
      expect(counting.openTimers).toBe(0);
      clock.advance(10 * timeout);
      expect(stalledAt).toEqual([]);
    });

    it("gives the message a whole messageTimeout afterwards", () => {
      begin(100, 50);
      clock.advance(900);
      watch.stop();
      clock.advance(5_000);
      watch.check(clock.now());
      clock.advance(999);
      expect(stalledAt).toEqual([]);
      clock.advance(1);
      expect(stalledAt).toEqual([6_900]);
    });
  });

  it("uses one unreferenced timer for any number of reads", () => {
    for (let round = 0; round < 50; round++) {
      begin(20_000, 0);
      for (let piece = 0; piece < 20; piece++) read(Buffer.alloc(1_000, "x"));
      expect(counting.openTimers).toBe(1);
      expect(clock.isHeld).toBe(false);
      clock.advance(100);
    }
    expect(stalledAt).toEqual([]);
    clock.advance(timeout);
    expect(counting.openTimers).toBe(0);
  });
});
