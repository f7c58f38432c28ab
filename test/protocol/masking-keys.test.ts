import { describe, expect, it } from "vitest";
import { MaskingKeys } from "../../protocol/masking-keys.js";
import { steadyRandom } from "../support/protocol-end.js";

const keysPerFill = 2048;

describe("MaskingKeys", () => {
  it("requests no random bytes before the first key", () => {
    new MaskingKeys(() => expect.unreachable());
  });

  it("uses each four random bytes once, in little-endian order, and requests more when all are used", () => {
    const drawn: Buffer[] = [];
    const random = steadyRandom();
    const keys = new MaskingKeys((bytes) => {
      random(bytes);
      drawn.push(Buffer.from(bytes));
    });
    const given = Array.from({ length: 2 * keysPerFill + 1 }, () => keys.next());
    expect(drawn.map((bytes) => bytes.length)).toEqual([8192, 8192, 8192]);
    const expected = Buffer.concat(drawn);
    expect(given).toEqual(given.map((_, index) => expected.readInt32LE(index * 4)));
  });

  it("throws instead of repeating keys when the source of random bytes fails", () => {
    let fills = 0;
    const keys = new MaskingKeys((bytes) => {
      fills++;
      if (fills > 1) throw new Error("no more random bytes");
      bytes.fill(fills);
    });
    for (let count = 0; count < keysPerFill; count++) keys.next();
    expect(() => keys.next()).toThrow("no more random bytes");
    expect(() => keys.next()).toThrow("no more random bytes");
  });
});
