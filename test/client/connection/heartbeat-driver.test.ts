import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeartbeatDriver } from "../../../src/client/connection/heartbeat-driver.js";
import { TimeoutError } from "../../../src/errors.js";
import type { Runtime } from "../../../src/runtime/runtime.js";
import { LiveScene } from "../../support/live-scene.js";
import { textFrame } from "../../support/wire.js";

const policy = { interval: 1_000, timeout: 300 };

let scene: LiveScene;
let heartbeat: HeartbeatDriver;
let pings: number[];
let stalls: Error[];

beforeEach(() => {
  scene = new LiveScene();
  pings = [];
  stalls = [];
  heartbeat = new HeartbeatDriver(scene.counting.runtime, policy, scene.live, {
    sendPing: () => {
      pings.push(scene.clock.now());
      scene.live.sendHeartbeatPing(Buffer.from([pings.length]));
    },
    onError: (error) => stalls.push(error),
  });
});

afterEach(() => {
  heartbeat.stop();
  scene.live.terminate();
  scene.clock.advance(0);
  scene.counting.assertIdle();
});

/** Advances the clock to the first ping, which is sent after a random part of the interval. */
function untilPing(): number {
  const { length } = pings;
  for (let ms = 0; ms <= policy.interval && pings.length === length; ms++) scene.clock.advance(1);
  expect(pings.length).toBe(length + 1);
  return pings.at(-1)!;
}

/** Runs several turns of the event loop without advancing the clock. */
function turn(): void {
  for (let count = 0; count < 4; count++) scene.clock.advance(0);
}

describe("HeartbeatDriver", () => {
  it("sends a ping in each interval while data arrives from the peer", () => {
    const first = untilPing();
    for (let round = 1; round <= 3; round++) {
      scene.receive(textFrame("any byte"));
      scene.clock.advance(policy.interval);
      turn();
    }
    expect(pings.map((at) => at - first)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(scene.ends).toEqual([]);
  });

  it("restarts one timer for all pings, if the timer supports it", () => {
    heartbeat.stop();
    let made = 0;
    const { runtime } = scene.counting;
    const setTimer: Runtime["setTimer"] = (delay, callback) => {
      made++;
      let timer = runtime.setTimer(delay, callback);
      return {
        clear: () => timer.clear(),
        ref: () => timer.ref(),
        unref: () => timer.unref(),
        restart: () => (timer = runtime.setTimer(delay, callback)),
      };
    };
    const slow = { interval: 1_000, timeout: 20_000 };
    const sendPing = (): unknown => pings.push(scene.clock.now());
    heartbeat = new HeartbeatDriver({ ...runtime, setTimer }, slow, scene.live, {
      sendPing,
      onError: () => undefined,
    });
    const first = untilPing();
    for (let round = 1; round <= 5; round++) {
      scene.receive(textFrame("any byte"));
      scene.clock.advance(slow.interval);
    }
    expect(pings.map((at) => at - first)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    // One timer for the first ping, and one for all later pings.
    expect(made).toBe(2);
  });

  it("abandons the connection when nothing arrives within the timeout", () => {
    untilPing();
    scene.clock.advance(policy.timeout - 1);
    turn();
    expect(scene.ends).toEqual([]);
    scene.clock.advance(1);
    turn();
    const [end] = scene.ends;
    expect(end?.error).toBeInstanceOf(TimeoutError);
    expect(end?.error).toMatchObject({ operation: "heartbeat", timeoutMs: policy.timeout });
    expect([end?.initiatedBy, end?.unansweredPings]).toEqual(["network", 1]);
  });

  it("does not keep the process alive", () => {
    scene.live.unref();
    expect(scene.clock.isHeld).toBe(false);
  });

  it("sends no ping after it was stopped", () => {
    heartbeat.stop();
    heartbeat.pause();
    heartbeat.resume();
    scene.clock.advance(10 * policy.interval);
    turn();
    expect([pings, scene.counting.openTimers]).toEqual([[], 0]);
  });
});

describe("while local back-pressure pauses reading", () => {
  function pause(): void {
    scene.live.pause();
    heartbeat.pause();
  }

  it("continues to send pings, and does not judge the peer", () => {
    pause();
    scene.clock.advance(5 * policy.interval);
    turn();
    expect(pings.length).toBeGreaterThanOrEqual(4);
    expect(scene.ends).toEqual([]);
    heartbeat.resume();
    scene.live.resume();
    scene.receive(textFrame("life"));
    expect(scene.ends).toEqual([]);
  });

  it("reports MUTUAL_STALL when a blocked write makes no progress", () => {
    scene.peer.takesWrites = false;
    void scene.live.queue.send("x".repeat(100), undefined);
    scene.clock.advance(0);
    pause();
    scene.clock.advance(policy.timeout - 1);
    turn();
    expect(stalls).toEqual([]);
    scene.clock.advance(1);
    turn();
    expect(stalls).toEqual([expect.objectContaining({ code: "MUTUAL_STALL" })]);
    expect(scene.ends).toEqual([expect.objectContaining({ error: stalls[0] })]);
  });

  it("does not report MUTUAL_STALL when a write makes progress", () => {
    scene.peer.takesWrites = false;
    void scene.live.queue.send("x".repeat(100), undefined);
    scene.clock.advance(0);
    pause();
    for (let round = 0; round < 5; round++) {
      scene.clock.advance(policy.timeout - 1);
      scene.peer.take(1);
      turn();
      scene.peer.take();
      turn();
      void scene.live.queue.send("x".repeat(100), undefined);
      turn();
    }
    expect([stalls, scene.ends]).toEqual([[], []]);
  });
});

describe("a blocked event loop", () => {
  it("is measured by the delay of the timer", () => {
    untilPing();
    expect(heartbeat.loopLag).toBe(0);
    scene.receive(textFrame("life"));
    scene.clock.stall(policy.interval + 400);
    scene.clock.advance(0);
    turn();
    expect(heartbeat.loopLag).toBeGreaterThanOrEqual(400);
  });
});
