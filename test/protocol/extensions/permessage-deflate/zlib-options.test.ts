import { constants, createDeflateRaw } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  deflateOptions,
  inflateWindowBits,
} from "../../../../protocol/extensions/permessage-deflate/zlib-options.js";

const allWindowBits = [8, 9, 10, 11, 12, 13, 14, 15];

describe("inflateWindowBits", () => {
  it("returns 9 for a window of 8 bits, and every larger window unchanged", () => {
    expect(allWindowBits.map(inflateWindowBits)).toEqual([9, 9, 10, 11, 12, 13, 14, 15]);
  });
});

describe("deflateOptions", () => {
  const direction = { keepsContext: true, level: 6, memLevel: 8 };

  it("uses a window of 9 bits in which all distances are 1 if 8 bits were negotiated", () => {
    expect(deflateOptions({ ...direction, windowBits: 8 })).toMatchObject({
      windowBits: 9,
      strategy: constants.Z_RLE,
    });
  });

  it.each(allWindowBits.slice(1))("uses a window of %i bits and the default strategy", (windowBits) => {
    expect(deflateOptions({ ...direction, windowBits })).toMatchObject({
      windowBits,
      strategy: constants.Z_DEFAULT_STRATEGY,
    });
  });

  it.each([
    [-1, 1],
    [0, 9],
    [9, 8],
  ])("passes level %i and memLevel %i to zlib unchanged", (level, memLevel) => {
    expect(deflateOptions({ windowBits: 15, keepsContext: true, level, memLevel })).toMatchObject({
      level,
      memLevel,
    });
  });

  it("returns only options of zlib, which are the same with and without context", () => {
    const options = deflateOptions({ ...direction, windowBits: 12 });
    expect(Object.keys(options).sort()).toEqual(["level", "memLevel", "strategy", "windowBits"]);
    expect(deflateOptions({ ...direction, windowBits: 12, keepsContext: false })).toEqual(options);
  });

  it("returns options that zlib accepts for every window", () => {
    for (const windowBits of allWindowBits) {
      createDeflateRaw(deflateOptions({ ...direction, windowBits })).close();
    }
  });
});
