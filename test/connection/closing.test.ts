import { beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../protocol/errors.js";
import { Closing, type ClosingOwner } from "../../src/connection/closing.js";
import { TimeoutError } from "../../src/errors.js";
import type { Transport } from "../../src/runtime/transport.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { readFrames } from "../support/wire.js";

const closeTimeout = 5_000;
const close = { code: 4000, reason: "done" };
const failure = new ProtocolError("bad", { code: "BAD", closeCode: 1002 });

let clock: VirtualRuntime;
let counting: CountingRuntime;
let protocol: ProtocolEnd;
let log: string[];
let isAllFramed: boolean;
let isPaused: boolean;
let closing: Closing;

const owner: ClosingOwner = {
  get isAllFramed() {
    return isAllFramed;
  },
  get isPaused() {
    return isPaused;
  },
  onCloseStarted: ({ code, reason }, initiatedBy) => log.push(`started ${code} ${reason} ${initiatedBy}`),
  onQueued: () => log.push(`queued ${protocol.connection.state}`),
  destroyStream: () => log.push(`timeout at ${clock.now()}`),
};

function createClosing(isReferenced = true): Closing {
  return new Closing(
    protocol.connection,
    { end: () => log.push("end of the stream") } as unknown as Transport,
    counting.runtime,
    closeTimeout,
    isReferenced,
    owner,
  );
}

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  protocol = new ProtocolEnd();
  log = [];
  isAllFramed = true;
  isPaused = false;
  closing = createClosing();
});

/** Returns the calls since the last call of this function. */
const takeLog = (): string[] => log.splice(0);

/** Feeds a Close frame of the peer, and passes it on as the connection does. */
function receiveClose(): void {
  const { connection } = protocol;
  connection.receive(Buffer.from([0x88, 2, 0x03, 0xe9]));
  closing.onClose(connection.closeReceived!);
}

/** Writes all output of the protocol. */
function write(): void {
  protocol.drain();
  closing.endIfWritten();
}

describe("a new closing handshake", () => {
  it("is not started and has no timer", () => {
    expect(closing).toMatchObject({
      ...{ initiatedBy: undefined, isRequested: false, isEnding: false, error: undefined },
    });
    expect(counting.openTimers).toBe(0);
  });

  it("does not react to writes, to progress or to a resume", () => {
    closing.sendCloseIfReady();
    closing.endIfWritten();
    closing.timer.progress();
    closing.timer.resume();
    closing.timer.pause();
    expect([log, protocol.connection.state, counting.openTimers]).toEqual([[], "open", 0]);
  });
});

describe("begin()", () => {
  it("reports the start, sends our Close, and then waits for the peer's", () => {
    closing.begin(close);
    expect(takeLog()).toEqual(["started 4000 done us", "queued closing"]);
    expect(closing).toMatchObject({ initiatedBy: "us", isRequested: true, isEnding: false });
    write();
    expect([log, protocol.connection.closeSent]).toEqual([[], close]);
  });

  it("sends our Close only after all messages are framed", () => {
    isAllFramed = false;
    closing.begin(close);
    closing.sendCloseIfReady();
    expect(takeLog()).toEqual(["started 4000 done us"]);
    expect(protocol.connection.state).toBe("open");
    isAllFramed = true;
    closing.sendCloseIfReady();
    closing.sendCloseIfReady();
    expect(log).toEqual(["queued closing"]);
    expect(readFrames(protocol.drain())).toHaveLength(1);
  });

  it("does not send a second Close if the peer's arrives first", () => {
    isAllFramed = false;
    closing.begin(close);
    receiveClose();
    takeLog();
    isAllFramed = true;
    closing.sendCloseIfReady();
    expect([log, readFrames(protocol.drain()).length]).toEqual([[], 1]);
  });

  it.each([
    ["all messages are framed", true],
    ["messages wait", false],
  ])("times out after closeTimeout without an answer: %s", (_, isFramed) => {
    isAllFramed = isFramed;
    closing.begin(close);
    takeLog();
    clock.advance(closeTimeout - 1);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual([`timeout at ${closeTimeout}`]);
    expect(closing.error).toBeInstanceOf(TimeoutError);
    expect(closing.error).toMatchObject({ code: "TIMEOUT", operation: "close", timeoutMs: closeTimeout });
    expect(closing.error?.message).toMatch(
      /^The peer did not answer our Close in the 5000 ms of closeTimeout/,
    );
  });

  it("is extended by the progress of a write", () => {
    closing.begin(close);
    takeLog();
    clock.advance(closeTimeout - 1);
    closing.timer.progress();
    clock.advance(closeTimeout - 1);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual([`timeout at ${2 * closeTimeout - 1}`]);
  });
});

describe("a pause of reading", () => {
  it("stops the timer, which starts again with the whole time", () => {
    closing.begin(close);
    takeLog();
    clock.advance(closeTimeout - 1);
    closing.timer.pause();
    clock.advance(10 * closeTimeout);
    closing.timer.resume();
    clock.advance(closeTimeout - 1);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toHaveLength(1);
  });

  it("before begin() stops the timer too", () => {
    isPaused = true;
    closing.begin(close);
    takeLog();
    clock.advance(10 * closeTimeout);
    expect([log, counting.openTimers]).toEqual([[], 0]);
    closing.timer.resume();
    clock.advance(closeTimeout);
    expect(log).toEqual([`timeout at ${11 * closeTimeout}`]);
  });

  it("does not stop the timer after makeFinal()", () => {
    isPaused = true;
    closing.begin(close);
    takeLog();
    closing.timer.makeFinal();
    closing.timer.pause();
    clock.advance(closeTimeout);
    expect(log).toEqual([`timeout at ${closeTimeout}`]);
  });
});

describe("the peer's Close", () => {
  it("starts the handshake, and the stream ends after our answer is written", () => {
    receiveClose();
    expect(takeLog()).toEqual(["started 1001  peer", expect.stringMatching(/^queued /)]);
    expect(closing).toMatchObject({ initiatedBy: "peer", isRequested: false, isEnding: true });
    write();
    expect(log).toEqual(["end of the stream"]);
  });

  it("as the answer does not start the handshake again", () => {
    closing.begin(close);
    write();
    takeLog();
    receiveClose();
    expect(log).toEqual([expect.stringMatching(/^queued /), "end of the stream"]);
    expect(closing.initiatedBy).toBe("us");
  });

  it("times out with an error if our answer is not written", () => {
    receiveClose();
    takeLog();
    clock.advance(closeTimeout);
    expect(log).toEqual([`timeout at ${closeTimeout}`]);
    expect(closing.error).toMatchObject({
      message: expect.stringContaining(
        "The peer did not read our Close in the 5000 ms of closeTimeout",
      ) as string,
    });
  });

  it("does not restart the timer of begin()", () => {
    protocol.connection.text("waits");
    closing.begin(close);
    clock.advance(closeTimeout - 1);
    receiveClose();
    takeLog();
    clock.advance(1);
    expect(log).toEqual([`timeout at ${closeTimeout}`]);
  });
});

describe("the end of the stream", () => {
  it("happens once", () => {
    receiveClose();
    takeLog();
    write();
    write();
    expect(log).toEqual(["end of the stream"]);
  });

  it("does not happen before the last byte is written", () => {
    protocol.connection.text("waits");
    receiveClose();
    takeLog();
    protocol.connection.take();
    closing.endIfWritten();
    expect(log).toEqual([]);
    protocol.connection.written();
    write();
    expect(log).toEqual(["end of the stream"]);
  });

  it("is followed by a wait of 1 s for the peer's end, and a timeout of it is not an error", () => {
    receiveClose();
    clock.advance(closeTimeout - 1);
    write();
    takeLog();
    clock.advance(999);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual([`timeout at ${closeTimeout - 1 + 1_000}`]);
    expect(closing.error).toBeUndefined();
  });
});

describe("a failed connection", () => {
  it("reports a start by us with the close code, records the error, and ends the stream", () => {
    protocol.connection.fail(failure);
    closing.onFailure(failure);
    expect(takeLog()).toEqual(["started 1002  us", "queued failed"]);
    expect(closing).toMatchObject({ initiatedBy: "us", error: failure, isEnding: true, isRequested: false });
    write();
    expect(log).toEqual(["end of the stream"]);
  });

  it("during our closing handshake does not report a second start", () => {
    closing.begin(close);
    takeLog();
    protocol.connection.fail(failure);
    closing.onFailure(failure);
    expect(log).toEqual(["queued failed"]);
    expect(closing.error).toBe(failure);
  });

  it("keeps its first error: a later one and a timeout do not replace it", () => {
    protocol.connection.fail(failure);
    closing.onFailure(failure);
    closing.recordError(new Error("later"));
    clock.advance(closeTimeout);
    expect(log.at(-1)).toBe(`timeout at ${closeTimeout}`);
    expect(closing.error).toBe(failure);
  });
});

describe("terminate()", () => {
  it("counts as an end by us, without a report and without a timer", () => {
    closing.terminate();
    expect([closing.initiatedBy, closing.isRequested, log]).toEqual(["us", false, []]);
    closing.timer.resume();
    expect(counting.openTimers).toBe(0);
  });

  it("does not change who closed first, and stops the timer", () => {
    receiveClose();
    takeLog();
    closing.terminate();
    clock.advance(10 * closeTimeout);
    expect([closing.initiatedBy, log]).toEqual(["peer", []]);
    counting.assertIdle();
  });
});

describe("the timer", () => {
  it("stops when the stream is closed", () => {
    closing.begin(close);
    takeLog();
    closing.timer.stop();
    clock.advance(10 * closeTimeout);
    expect(log).toEqual([]);
    counting.assertIdle();
  });

  it.each([true, false])("keeps the process alive only while it is referenced: first %s", (isReferenced) => {
    closing = createClosing(isReferenced);
    closing.begin(close);
    expect(clock.isHeld).toBe(isReferenced);
    closing.timer.unref();
    expect(clock.isHeld).toBe(false);
    closing.timer.ref();
    expect(clock.isHeld).toBe(true);
    closing.timer.stop();
  });
});
