import { beforeEach, describe, expect, it } from "vitest";
import { SendSample } from "../../src/connection/send-sample.js";

let sample: SendSample;

beforeEach(() => {
  sample = new SendSample();
});

describe("SendSample", () => {
  it("measures nothing at first", () => {
    expect([sample.isRunning, sample.end(1_000, 50)]).toEqual([false, undefined]);
  });

  it.each([
    [4, undefined],
    [5, 30],
    [6, 30],
  ])("with %i written messages, returns for the fifth message: %s", (writtenCount, duration) => {
    sample.begin(5, 100);
    expect(sample.end(writtenCount, 130)).toBe(duration);
    expect(sample.isRunning).toBe(duration === undefined);
  });

  it("returns the duration of each message once", () => {
    sample.begin(1, 100);
    expect([sample.end(1, 110), sample.end(1, 120)]).toEqual([10, undefined]);
    sample.begin(2, 120);
    expect(sample.end(2, 121)).toBe(1);
  });

  it("returns nothing after cancel()", () => {
    sample.begin(1, 100);
    sample.cancel();
    expect([sample.isRunning, sample.end(1, 110)]).toEqual([false, undefined]);
  });
});
