import { createDeflateRaw, createInflateRaw, type ZlibOptions } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { CodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { HandleLease, HandlePool } from "../../../../protocol/extensions/permessage-deflate/handle-pool.js";
import {
  ZlibHandle,
  nodeStreams,
  type ZlibStream,
} from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

const context = { windowBits: 15, keepsContext: true };
const sending = { ...context, level: -1, memLevel: 8 };
const noLimit = 1024 * 1024;

describe("HandlePool", () => {
  function poolOf(limit: number): HandlePool {
    return new HandlePool((options) => ZlibHandle.inflater(nodeStreams, options), limit);
  }

  function openLease(pool: HandlePool, windowBits = 15): HandleLease {
    const lease = new HandleLease(pool, { windowBits });
    lease.open();
    lease.touch();
    return lease;
  }

  it("opens a handle for each lease up to its limit", () => {
    const pool = poolOf(2);
    const leases = [openLease(pool), openLease(pool)];
    expect(pool.isFull).toBe(true);
    expect(leases[0]!.handle).not.toBe(leases[1]!.handle);
    leases[0]!.close();
    expect([pool.isFull, leases[0]!.handle]).toEqual([false, undefined]);
    leases[0]!.close();
    leases[1]!.close();
  });

  it("takes the least recently used handle", () => {
    const pool = poolOf(2);
    const [first, second] = [openLease(pool), openLease(pool)];
    first.touch();
    const taken = second.handle;
    const third = openLease(pool);
    expect([second.handle, third.handle]).toEqual([undefined, taken]);
    expect(first.handle).toBeDefined();
    const again = first.handle;
    second.open();
    second.touch();
    expect([first.handle, second.handle]).toEqual([undefined, again]);
    for (const lease of [first, second, third]) lease.close();
    expect(pool.isFull).toBe(false);
  });

  it("does not take the handle of a lease with 16 messages until it is closed", () => {
    const pool = poolOf(1);
    const busy = openLease(pool);
    for (let count = 2; count < 16; count++) busy.touch();
    expect([busy.isBusy, pool.isFull]).toEqual([false, true]);
    busy.touch();
    expect([busy.isBusy, pool.isFull]).toEqual([true, false]);
    const busyHandle = busy.handle;
    const leases = [openLease(pool), openLease(pool)];
    expect([busy.handle, leases[0]!.handle, leases[0]!.mustEvict]).toEqual([busyHandle, undefined, true]);
    for (let count = 1; count < 16; count++) leases[0]!.touch();
    expect(leases[0]!.mustEvict).toBe(false);
    leases[0]!.open();
    expect(leases.map(({ handle }) => handle === undefined)).toEqual([false, false]);
    busy.close();
    expect(busy.mustEvict).toBe(true);
    for (const lease of leases) lease.close();
    expect([busy.mustEvict, pool.isFull]).toEqual([false, false]);
  });

  it("opens a new handle if the oldest one has other options", () => {
    const pool = poolOf(1);
    const first = openLease(pool, 15);
    const { handle } = first;
    const second = openLease(pool, 9);
    expect(first.handle).toBeUndefined();
    expect(second.handle).not.toBe(handle);
    second.close();
  });
});

/** Creates a factory with few handles and counts the open ones. */
function factoryWith(maxHandles: number): {
  factory: CodecFactory;
  open: { deflate: number; inflate: number };
} {
  const open = { deflate: 0, inflate: 0 };
  const counted = (direction: keyof typeof open, stream: ZlibStream): ZlibStream => {
    open[direction]++;
    const close = stream.close.bind(stream);
    stream.close = (): void => {
      close();
      open[direction]--;
    };
    return stream;
  };
  const streams = {
    createInflateRaw: (options: ZlibOptions) => counted("inflate", createInflateRaw(options)),
    createDeflateRaw: (options: ZlibOptions) => counted("deflate", createDeflateRaw(options)),
  };
  return { factory: createCodecFactory("handle", streams, maxHandles), open };
}

/** Returns a message that is similar to the others but contains no repetition itself. */
function messageOf(connection: number, index: number): Buffer {
  const price = ((connection * 7919 + index * 104_729) % 9973) / 7;
  return Buffer.from(JSON.stringify({ channel: "trades", symbol: `S${connection}`, sequence: index, price }));
}

/** Returns a message of more than 4 KiB when compressed, so that an inflater needs zlib for it. */
function longMessage(connection: number, index: number): Buffer {
  let state = connection * 1000 + index;
  return Buffer.from(
    Array.from({ length: 6000 }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24),
  );
}

describe("codecs that share few handles", () => {
  it("open no more handles than the limit, and each peer reads its messages", () => {
    const { factory, open } = factoryWith(3);
    const connections = Array.from({ length: 10 }, (_, index) => ({
      deflater: factory.deflater({ ...sending, windowBits: 9 + (index % 4) }),
      inflater: factory.inflater({ ...context, windowBits: 9 + (index % 4) }),
      peer: new StrictInflater(9 + (index % 4)),
    }));
    for (let round = 0; round < 8; round++) {
      for (const [index, { deflater, inflater, peer }] of connections.entries()) {
        for (const message of [
          messageOf(index, round),
          longMessage(index, round),
          longMessage(index, round),
        ]) {
          const compressed = Buffer.from(deflater.deflate(message));
          expect(peer.inflate(compressed).equals(message)).toBe(true);
          expect(inflater.inflate(compressed, noLimit, false).equals(message)).toBe(true);
        }
        const most = Math.max(open.deflate, open.inflate);
        if (round < 5) expect(most).toBeLessThanOrEqual(3);
      }
    }
    // Each codec has processed enough messages to keep its handle.
    expect(open.deflate).toBe(10);
    for (const { deflater, inflater } of connections) {
      deflater.close();
      inflater.close();
    }
    expect([open, factory.openCount]).toEqual([{ deflate: 0, inflate: 0 }, 0]);
  });

  it("refer to the last messages again, from the second message after the loss of a handle on", () => {
    const { factory } = factoryWith(1);
    const [first, second] = [factory.deflater(sending), factory.deflater(sending)];
    const peers = [new StrictInflater(15), new StrictInflater(15)];
    const sizes = [0, 1, 2, 3].map((round) => {
      const message = messageOf(1, round);
      const compressed = Buffer.from(first.deflate(message));
      expect(peers[0]!.inflate(compressed).equals(message)).toBe(true);
      peers[1]!.inflate(second.deflate(messageOf(2, round)));
      return compressed.length;
    });
    expect(sizes[1]).toBeGreaterThan(sizes[0]! / 2);
    expect(sizes[2]).toBeLessThan(sizes[0]! / 2);
    expect(sizes[3]).toBeLessThan(sizes[0]! / 2);
    first.close();
    second.close();
  });

  it("do not refer to earlier messages if no context is kept", () => {
    const { factory } = factoryWith(1);
    const noContextDeflater = factory.deflater({ ...sending, keepsContext: false });
    const other = factory.deflater(sending);
    const sizes = [0, 1, 2].map(() => {
      other.deflate(messageOf(2, 2));
      return noContextDeflater.deflate(messageOf(1, 1)).length;
    });
    expect(new Set(sizes).size).toBe(1);
    noContextDeflater.close();
    other.close();
  });

  it("inflate short messages without a handle instead of taking one from another codec", () => {
    const { factory, open } = factoryWith(1);
    const peer = createCodecFactory("handle");
    const deflaters = [peer.deflater(sending), peer.deflater(sending)];
    const inflaters = [factory.inflater(context), factory.inflater(context)];
    const sendMessage = (connection: number, message: Buffer): void => {
      const compressed = deflaters[connection]!.deflate(message);
      expect(inflaters[connection]!.inflate(compressed, noLimit, true).equals(message)).toBe(true);
    };
    sendMessage(0, messageOf(0, 0));
    for (let round = 0; round < 3; round++) sendMessage(1, messageOf(1, round));
    inflaters[0]!.rest();
    expect(open.inflate).toBe(0);
    sendMessage(0, longMessage(0, 0));
    sendMessage(1, longMessage(1, 0));
    inflaters[0]!.rest();
    expect(open.inflate).toBe(1);
    sendMessage(0, longMessage(0, 0));
    sendMessage(1, messageOf(1, 4));
    sendMessage(0, messageOf(0, 5));
    for (const codec of [...deflaters, ...inflaters]) codec.close();
    expect(open.inflate).toBe(0);
  });
});
