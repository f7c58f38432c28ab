import { constants } from "node:buffer";
import { describe, expect, it } from "vitest";
import { resolveLimits } from "../../protocol/message-limits.js";

const mebibyte = 1024 * 1024;

describe("resolveLimits()", () => {
  it("limits messages to 64 MiB by default, and frames to the size of a message", () => {
    expect(resolveLimits({})).toMatchObject({ maxMessageSize: 64 * mebibyte, maxFrameSize: 64 * mebibyte });
    expect(resolveLimits({ maxMessageSize: 10 })).toMatchObject({ maxMessageSize: 10, maxFrameSize: 10 });
    expect(resolveLimits({ maxFrameSize: 10 })).toMatchObject({
      maxMessageSize: 64 * mebibyte,
      maxFrameSize: 10,
    });
  });

  it("limits messages to 131,072 fragments by default", () => {
    expect(resolveLimits({}).maxFragments).toBe(131_072);
    for (const maxFragments of [1, 2 ** 40])
      expect(resolveLimits({ maxFragments })).toMatchObject({ maxFragments });
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 53])("refuses %d fragments", (maxFragments) => {
    expect(() => resolveLimits({ maxFragments })).toThrow(RangeError);
    expect(() => resolveLimits({ maxFragments })).toThrow(`maxFragments is ${maxFragments}: it must be`);
  });

  it.each([1, constants.MAX_STRING_LENGTH])("accepts %i bytes", (size) => {
    expect(resolveLimits({ maxMessageSize: size, maxFrameSize: size })).toMatchObject({
      maxMessageSize: size,
      maxFrameSize: size,
    });
  });

  it.each([0, -1, 1.5, NaN, Infinity, constants.MAX_STRING_LENGTH + 1])("refuses %d bytes", (size) => {
    for (const name of ["maxMessageSize", "maxFrameSize"]) {
      expect(() => resolveLimits({ [name]: size })).toThrow(RangeError);
      expect(() => resolveLimits({ [name]: size })).toThrow(`${name} is ${size}: it must be a whole number`);
    }
  });
});
