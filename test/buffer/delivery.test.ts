import { describe, expect, it } from "vitest";
import { Delivery } from "../../src/buffer/delivery.js";
import { type Arrival, MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";
import type { ReplayPort } from "../../src/buffer/replay-port.js";
import { measureCpuTime } from "../support/cpu-time.js";

function scene(): { log: string[]; delivery: Delivery<string>; stream: MessageStream<string> } {
  const log: string[] = [];
  const unused = (): never => {
    throw new Error("not to be called");
  };
  const port: ReplayPort<string> = {
    deliver: (message) => log.push(message),
    onGap: (stream, expected, received) => log.push(`${stream} gap ${expected}..${received}`),
    onReset: (stream) => log.push(`${stream} reset`),
    onError: (error) => log.push(String(error)),
    ...{ onRecovered: unused, startReplay: unused, onNextAt: unused },
    ...{ onOverlapCaughtUp: unused, onOverlapFull: unused, sizeOf: unused },
  };
  const stream = new MessageStream<string>("s", new NumberWindow({ size: 3, isFrozen: false }));
  return { log, delivery: new Delivery(port), stream };
}

function arrival(stream: MessageStream<string>, id: number, epoch?: string): Arrival<string> {
  return { message: `m${id}`, stream, id, epoch, connection: 1, request: undefined, at: 0, bytes: 1 };
}

describe("Delivery", () => {
  it("delivers or removes a message, depending on its status", () => {
    const { log, delivery, stream } = scene();
    delivery.apply(arrival(stream, 1), "first");
    delivery.apply(arrival(stream, 2, "x"), "next");
    delivery.apply(arrival(stream, 5), "ahead");
    delivery.apply(arrival(stream, 4), "late");
    delivery.apply(arrival(stream, 5), "duplicate");
    delivery.apply(arrival(stream, 99), "unclassified");
    expect(stream.cursor).toEqual({ sequence: 5, epoch: "x" });
    delivery.apply(arrival(stream, 1), "restart");
    expect(stream.cursor).toEqual({ sequence: 1, epoch: "x" });
    expect(log).toEqual(["m1", "m2", "m5", "m4", "m99", "s reset", "m1"]);
    expect(delivery.duplicateCount).toBe(1);
  });

  it("delivers the messages of a reorder buffer and reports the gaps between them", () => {
    const { log, delivery, stream } = scene();
    delivery.apply(arrival(stream, 1), "first");
    delivery.release([3, 4, 7].map((id) => arrival(stream, id)));
    expect(log).toEqual(["m1", "m3", "m4", "s gap 5..7", "m7"]);
  });

  it("reports an error that is thrown during classification", () => {
    const { log, delivery, stream } = scene();
    expect(delivery.classify(arrival(stream, 1.5), false)).toBe("unclassified");
    expect(log[0]).toContain("safe integer");
  });

  it("releases many messages in linear time", () => {
    const { log, delivery, stream } = scene();
    const buffered = Array.from({ length: 240_000 }, (_, index) => arrival(stream, index + 1));
    const cpuTime = measureCpuTime();
    delivery.release(buffered);
    expect(cpuTime()).toBeLessThan(1_000);
    expect([log.length, log[0], log.at(-1)]).toEqual([buffered.length, "m1", `m${buffered.length}`]);
  });
});
