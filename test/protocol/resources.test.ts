import { describe, expect, it } from "vitest";
import { createCodecFactory } from "../../protocol/extensions/permessage-deflate/codec-factory.js";
import { Resources } from "../../protocol/resources.js";
import { SegmentChain } from "../../protocol/segment-chain.js";
import { steadyRandom } from "../support/protocol-end.js";

describe("Resources", () => {
  it("takes its masking keys from the given random source", () => {
    const fillRandom = steadyRandom(7);
    const expected = Buffer.alloc(8192);
    steadyRandom(7)(expected);
    const resources = new Resources({ fillRandom });
    expect(resources.fillRandom).toBe(fillRandom);
    const chain = new SegmentChain(resources.segments);
    const { bytes } = resources.writerFor("client").writeBytes(chain, 0x82, Buffer.alloc(0));
    expect(bytes.subarray(2, 6)).toEqual(expected.subarray(0, 4));
  });

  it("allocates one read buffer of 1 MiB on first use", () => {
    const before = process.memoryUsage().arrayBuffers;
    const resources = new Resources({ fillRandom: steadyRandom() });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024);
    expect(resources.readBuffer).toHaveLength(1024 * 1024);
    expect(resources.readBuffer).toBe(resources.readBuffer);
    expect(resources.readBuffer.buffer.byteLength).toBe(1024 * 1024);
  });

  it("uses the given codec factory, or creates one", () => {
    const codecs = createCodecFactory("dictionary");
    expect(new Resources({ fillRandom: steadyRandom(), codecs }).codecs).toBe(codecs);
    expect(new Resources({ fillRandom: steadyRandom() }).codecs).toMatchObject({ openCount: 0 });
  });
});
