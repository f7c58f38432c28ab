import { describe, expect, it } from "vitest";
import {
  closingTimedOut,
  droppedPing,
  heartbeatTimedOut,
  inboxOverflow,
  messageStalled,
  tooManyControlFrames,
  mutualStall,
  tooManyPings,
} from "../../src/connection/failures.js";

const failures: readonly (readonly [Error, object, RegExp])[] = [
  [
    messageStalled(5),
    { code: "MESSAGE_STALLED", closeCode: 1008 },
    /less than 1 KiB of a message in the 5 ms of messageTimeout/,
  ],
  [
    tooManyControlFrames(7),
    { code: "TOO_MANY_CONTROL_FRAMES", closeCode: 1008 },
    /more pings and pongs than the 7 per second of maxControlRate/,
  ],
  [inboxOverflow(7), { code: "INBOX_OVERFLOW", closeCode: 1008 }, /More than 7 .*buffer\.capacity/],
  [closingTimedOut(9, false), { operation: "close", timeoutMs: 9 }, /did not answer our Close in the 9 ms/],
  [closingTimedOut(9, true), { operation: "close", timeoutMs: 9 }, /did not read our Close in the 9 ms/],
  [droppedPing(), { code: "BUFFER_OVERFLOW" }, /^A ping was dropped: 64 other.*Await ping\(\)/],
  [tooManyPings(), { code: "BUFFER_OVERFLOW" }, /^A ping was refused.*maxBufferedAmount.*Await ping\(\)/],
  [heartbeatTimedOut(9), { operation: "heartbeat", timeoutMs: 9 }, /9 ms of heartbeat\.timeout/],
  [mutualStall(9), { code: "MUTUAL_STALL" }, /waited for each other for 9 ms.*without awaiting send\(\)/],
];

describe("errors of a connection", () => {
  it.each(failures)("%s", (error, details, message) => {
    expect(error).toMatchObject(details);
    expect(error.message).toMatch(message);
  });
});
