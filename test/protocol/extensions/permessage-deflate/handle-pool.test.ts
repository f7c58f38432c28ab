import { createDeflateRaw, createInflateRaw, type ZlibOptions } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { CodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { HandleHold, HandlePool } from "../../../../protocol/extensions/permessage-deflate/handle-pool.js";
import {
  KeptHandle,
  nodeStreams,
  type ZlibStream,
} from "../../../../protocol/extensions/permessage-deflate/kept-handle.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

const context = { windowBits: 15, keepsContext: true };
const sending = { ...context, level: -1, memLevel: 8 };
const noLimit = 1024 * 1024;

describe("HandlePool", () => {
  function poolOf(limit: number): HandlePool<number> {
    return new HandlePool((windowBits) => KeptHandle.inflater(nodeStreams, { windowBits }), limit);
  }

  function openHold(pool: HandlePool<number>, kind = 15): HandleHold<number> {
    const hold = new HandleHold(pool, kind);
    hold.open();
    hold.touch();
    return hold;
  }

  it("has as many handles as are asked for, up to its limit", () => {
    const pool = poolOf(2);
    const holds = [openHold(pool), openHold(pool)];
    expect(pool.isFull).toBe(true);
    expect(holds[0]!.handle).not.toBe(holds[1]!.handle);
    holds[0]!.close();
    expect([pool.isFull, holds[0]!.handle]).toEqual([false, undefined]);
    holds[0]!.close();
    holds[1]!.close();
  });

  it("takes the handle away that was not used for the longest time", () => {
    const pool = poolOf(2);
    const [first, second] = [openHold(pool), openHold(pool)];
    first.touch();
    const taken = second.handle;
    const third = openHold(pool);
    expect([second.handle, third.handle]).toEqual([undefined, taken]);
    expect(first.handle).toBeDefined();
    const again = first.handle;
    second.open();
    second.touch();
    expect([first.handle, second.handle]).toEqual([undefined, again]);
    for (const hold of [first, second, third]) hold.close();
    expect(pool.isFull).toBe(false);
  });

  it("leaves its handle to one that has had sixteen messages, until that one closes it", () => {
    const pool = poolOf(1);
    const busy = openHold(pool);
    for (let count = 2; count < 16; count++) busy.touch();
    expect([busy.isBusy, pool.isFull]).toEqual([false, true]);
    busy.touch();
    expect([busy.isBusy, pool.isFull]).toEqual([true, false]);
    const own = busy.handle;
    const holds = [openHold(pool), openHold(pool)];
    expect([busy.handle, holds[0]!.handle, holds[0]!.isShort]).toEqual([own, undefined, true]);
    for (let count = 1; count < 16; count++) holds[0]!.touch();
    expect(holds[0]!.isShort).toBe(false);
    holds[0]!.open();
    expect(holds.map(({ handle }) => handle === undefined)).toEqual([false, false]);
    busy.close();
    expect(busy.isShort).toBe(true);
    for (const hold of holds) hold.close();
    expect([busy.isShort, pool.isFull]).toEqual([false, false]);
  });

  it("makes a handle anew where the oldest is of another kind", () => {
    const pool = poolOf(1);
    const first = openHold(pool, 15);
    const { handle } = first;
    const second = openHold(pool, 9);
    expect(first.handle).toBeUndefined();
    expect(second.handle).not.toBe(handle);
    second.close();
  });
});

/** A factory with few handles, and how many of them are open. */
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

/** Says the same as others in other numbers, and repeats nothing of itself. */
function messageOf(connection: number, index: number): Buffer {
  const price = ((connection * 7919 + index * 104_729) % 9973) / 7;
  return Buffer.from(JSON.stringify({ channel: "trades", symbol: `S${connection}`, sequence: index, price }));
}

/** More than 4 KiB when they are compressed, so that an inflater needs zlib for them. */
function longMessage(connection: number, index: number): Buffer {
  let state = connection * 1000 + index;
  return Buffer.from(
    Array.from({ length: 6000 }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24),
  );
}

describe("codecs that share few handles", () => {
  it("has no more of them than it may, and each peer reads what it is sent", () => {
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
    // By now each has sent enough messages for a handle of its own.
    expect(open.deflate).toBe(10);
    for (const { deflater, inflater } of connections) {
      deflater.close();
      inflater.close();
    }
    expect([open, factory.openCount]).toEqual([{ deflate: 0, inflate: 0 }, 0]);
  });

  it("refers to the last of what was said, from the second message after a loss on", () => {
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

  it("refers to nothing before it where no context is kept", () => {
    const { factory } = factoryWith(1);
    const alone = factory.deflater({ ...sending, keepsContext: false });
    const other = factory.deflater(sending);
    const sizes = [0, 1, 2].map(() => {
      other.deflate(messageOf(2, 2));
      return alone.deflate(messageOf(1, 1)).length;
    });
    expect(new Set(sizes).size).toBe(1);
    alone.close();
    other.close();
  });

  it("inflates short messages without a handle, rather than take another's", () => {
    const { factory, open } = factoryWith(1);
    const peer = createCodecFactory("handle");
    const deflaters = [peer.deflater(sending), peer.deflater(sending)];
    const inflaters = [factory.inflater(context), factory.inflater(context)];
    const say = (connection: number, message: Buffer): void => {
      const compressed = deflaters[connection]!.deflate(message);
      expect(inflaters[connection]!.inflate(compressed, noLimit, true).equals(message)).toBe(true);
    };
    say(0, messageOf(0, 0));
    for (let round = 0; round < 3; round++) say(1, messageOf(1, round));
    inflaters[0]!.rest();
    expect(open.inflate).toBe(0);
    say(0, longMessage(0, 0));
    say(1, longMessage(1, 0));
    inflaters[0]!.rest();
    expect(open.inflate).toBe(1);
    say(0, longMessage(0, 0));
    say(1, messageOf(1, 4));
    say(0, messageOf(0, 5));
    for (const codec of [...deflaters, ...inflaters]) codec.close();
    expect(open.inflate).toBe(0);
  });
});
