import { describe, expect, it } from "vitest";
import { asError, Delivery } from "../../src/buffer/delivery.js";
import { type Arrival, MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";
import type { ReplayPort } from "../../src/buffer/replay-port.js";

function scene(): { told: string[]; delivery: Delivery<string>; stream: MessageStream<string> } {
  const told: string[] = [];
  const unused = (): never => {
    throw new Error("not to be called");
  };
  const port: ReplayPort<string> = {
    deliver: (message) => told.push(message),
    onGap: (stream, expected, received) => told.push(`${stream} gap ${expected}..${received}`),
    onReset: (stream) => told.push(`${stream} reset`),
    onError: (error) => told.push(error.message),
    ...{ onRecovered: unused, startReplay: unused, onNextAt: unused },
    ...{ onOverlapJoined: unused, onOverlapFull: unused, sizeOf: unused },
  };
  const stream = new MessageStream<string>("s", new NumberWindow({ size: 3, isFrozen: false }));
  return { told, delivery: new Delivery(port), stream };
}

function arrival(stream: MessageStream<string>, id: number, epoch?: string): Arrival<string> {
  return { message: `m${id}`, stream, id, epoch, connection: 1, request: undefined, at: 0, bytes: 1 };
}

describe("a delivery", () => {
  it("does what the judgement asks for", () => {
    const { told, delivery, stream } = scene();
    delivery.apply(arrival(stream, 1), "first");
    delivery.apply(arrival(stream, 2, "x"), "next");
    delivery.skipTo(arrival(stream, 5));
    delivery.apply(arrival(stream, 4), "late");
    delivery.apply(arrival(stream, 5), "double");
    delivery.apply(arrival(stream, 99), "unreadable");
    expect(stream.cursor).toEqual({ sequence: 5, epoch: "x" });
    delivery.apply(arrival(stream, 1), "behind");
    expect(stream.cursor).toEqual({ sequence: 1, epoch: "x" });
    expect(told).toEqual(["m1", "m2", "m5", "m4", "m99", "s reset", "m1"]);
    expect(delivery.duplicateCount).toBe(1);
  });

  it("releases what was held, and reports the gaps within", () => {
    const { told, delivery, stream } = scene();
    delivery.apply(arrival(stream, 1), "first");
    delivery.release([3, 4, 7].map((id) => arrival(stream, id)));
    expect(told).toEqual(["m1", "m3", "m4", "s gap 5..7", "m7"]);
  });

  it("tells what a judgement throws", () => {
    const { told, delivery, stream } = scene();
    expect(delivery.judge(arrival(stream, 1.5), false)).toBe("unreadable");
    expect(told[0]).toContain("safe integer");
  });
});

describe("what was thrown", () => {
  it("is an error, or the cause of one", () => {
    const error = new Error("x");
    expect(asError(error)).toBe(error);
    expect(asError(7)).toMatchObject({ message: "7", cause: 7 });
  });
});
