// permessage-deflate against a peer that uses only public functions of zlib.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeflateBlocks } from "../support/deflate-blocks.js";
import { type Message, type Options, Scene } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { binaryFrame, deflated, fragments, frame, opcodes, pingFrame, textFrame } from "../support/wire.js";
import { type Direction, PeerDeflater, PeerInflater } from "./peer-deflate.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const extension = (parameters = ""): string => `Sec-WebSocket-Extensions: permessage-deflate${parameters}`;

/** Pseudo-random bytes with repetitions at many distances, below and above the size of each window. */
function varied(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    // 7 of 8 bytes repeat a byte that is 300 to 599 bytes back, beyond the smallest windows.
    bytes[at] = at > 600 && (state & 7) !== 0 ? bytes[at - 300 - (at % 300)]! : state >>> 24;
  }
  return bytes;
}

const messages: readonly (string | Buffer)[] = [
  "a text that is long enough to be worth it. ".repeat(10),
  "a text that is long enough to be worth it. ".repeat(11),
  varied(40_000, 1),
  varied(40_000, 1),
  "é€😀".repeat(1_000),
  varied(300_000, 2),
  Buffer.alloc(100_000),
];

/** Sends every message in both directions and checks it at the other end. Returns the negotiated extensions. */
async function exchange(
  options: Options,
  parameters: string,
  server: Direction = {},
  client: Direction = {},
): Promise<string> {
  const { ws, peer } = await scene.open(options, { fields: [extension(parameters)] });
  const deflater = new PeerDeflater(server);
  const inflater = new PeerInflater(client);
  for (const message of messages) {
    const opcode = typeof message === "string" ? opcodes.text : opcodes.binary;
    peer.send(frame({ opcode, payload: deflater.message(message), rsv1: true }));
    expect(Buffer.from((await ws.recv()) as string).equals(Buffer.from(message as string))).toBe(true);
    await ws.sendRaw(message);
    const got = await peer.frame();
    expect([got.opcode, got.rsv1, got.isFinal]).toEqual([opcode, true, true]);
    expect(inflater.message(got.payload).equals(Buffer.from(message as string))).toBe(true);
  }
  return ws.extensions;
}

describe("permessage-deflate", () => {
  it("keeps both contexts by default", async () => {
    expect(await exchange({}, "")).toBe("permessage-deflate");
  });

  it.each([9, 10, 11, 12, 13, 14, 15])("uses a window of %i bits for sent messages", async (windowBits) => {
    const parameters = `; client_max_window_bits=${windowBits}`;
    expect(await exchange({}, parameters, {}, { windowBits })).toBe(`permessage-deflate${parameters}`);
  });

  it.each([9, 10, 11, 12, 13, 14, 15])(
    "accepts a window of %i bits for received messages",
    async (windowBits) => {
      await exchange({}, `; server_max_window_bits=${windowBits}`, { windowBits });
    },
  );

  it("uses a window of 8 bits, which zlib does not support", async () => {
    await exchange({}, "; client_max_window_bits=8", {}, { windowBits: 8 });
    await exchange({ compress: { windowBits: 8 } }, "; client_max_window_bits=8", {}, { windowBits: 8 });
  });

  it("uses its own windowBits if the server does not set a window", async () => {
    await exchange({ compress: { windowBits: 9 } }, "", {}, { windowBits: 9 });
  });

  it("resets its context per message if the server requests it", async () => {
    await exchange({}, "; client_no_context_takeover", {}, { keepsContext: false });
  });

  it("resets its context per message if its own options request it", async () => {
    await exchange({ compress: { noContextTakeover: true } }, "", {}, { keepsContext: false });
  });

  it("reads messages of a server without context takeover", async () => {
    await exchange({}, "; server_no_context_takeover", { keepsContext: false });
  });

  it("negotiates all four parameters at once", async () => {
    const compress = {
      ...{ windowBits: 11, serverWindowBits: 12, noContextTakeover: true, serverNoContextTakeover: true },
      ...{ level: 9, memLevel: 1 },
    };
    const parameters =
      "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9";
    const server = { windowBits: 10, keepsContext: false };
    const client = { windowBits: 9, keepsContext: false };
    expect(await exchange({ compress }, parameters, server, client)).toBe(`permessage-deflate${parameters}`);
  });

  it("accepts quoted values", async () => {
    await exchange({}, '; client_max_window_bits="10"', {}, { windowBits: 10 });
  });
});

describe("a sent message", () => {
  it("is compressed from compressionThreshold on, unless the call sets `compress`", async () => {
    const { ws, peer } = await scene.open({ compressionThreshold: 50 }, { fields: [extension()] });
    const rsv1Of = async (...call: Parameters<typeof ws.sendRaw>): Promise<boolean> => {
      await ws.sendRaw(...call);
      return (await peer.frame()).rsv1;
    };
    expect(await rsv1Of("x".repeat(49))).toBe(false);
    expect(await rsv1Of("x".repeat(50))).toBe(true);
    expect(await rsv1Of("é".repeat(25))).toBe(true);
    expect(await rsv1Of(Buffer.alloc(49))).toBe(false);
    expect(await rsv1Of("x", { compress: true })).toBe(true);
    expect(await rsv1Of("", { compress: true })).toBe(true);
    expect(await rsv1Of("x".repeat(500), { compress: false })).toBe(false);
  });

  it("is not compressed without the extension, even if the call sets `compress`", async () => {
    const { ws, peer } = await scene.open();
    await ws.sendRaw("x".repeat(500), { compress: true });
    expect(await peer.text()).toBe("x".repeat(500));
    expect(ws.extensions).toBe("");
  });

  it("grows only slightly if it is not compressible", async () => {
    const { ws, peer } = await scene.open({}, { fields: [extension()] });
    const noise = varied(10_000, 3).map((byte, index) => byte ^ (index * 31));
    await ws.sendRaw(noise, { compress: true });
    const { payload } = await peer.frame();
    expect(payload.length).toBeLessThan(noise.length + noise.length / 1024 + 64);
    expect(new PeerInflater().message(payload).equals(noise)).toBe(true);
  });
});

async function received(
  peer: PeerSocket,
  ws: { recv(): Promise<Message> },
  ...frames: Buffer[]
): Promise<Message[]> {
  const last = textFrame("and that was all");
  peer.send(...frames, last);
  const all: Message[] = [];
  for (;;) {
    const message = await ws.recv();
    if (message === "and that was all") return all;
    all.push(message);
  }
}

describe("a received message", () => {
  it("may arrive in fragments with control frames between them", async () => {
    const { ws, peer } = await scene.open({}, { fields: [extension()] });
    const payload = deflated("a compressed message in pieces ".repeat(20));
    const pieces = [payload.subarray(0, 1), Buffer.alloc(0), payload.subarray(1, 20), payload.subarray(20)];
    const frames = fragments(opcodes.text, pieces, { rsv1: true }).flatMap((one) => [one, pingFrame("x")]);
    expect(await received(peer, ws, ...frames)).toEqual(["a compressed message in pieces ".repeat(20)]);
  });

  it("may be compressed or uncompressed", async () => {
    const { ws, peer } = await scene.open({}, { fields: [extension()] });
    const deflater = new PeerDeflater();
    const text = "the same again and again ".repeat(5);
    const frames = [
      textFrame(deflater.message(text), { rsv1: true }),
      textFrame("plain"),
      textFrame(deflater.message(text), { rsv1: true }),
      binaryFrame(Buffer.of(1)),
      textFrame(deflater.message(""), { rsv1: true }),
      textFrame(deflater.message(text), { rsv1: true }),
    ];
    expect(await received(peer, ws, ...frames)).toEqual([text, "plain", text, Buffer.of(1), "", text]);
  });

  it("may contain final blocks followed by more blocks, and the window continues after them", async () => {
    const { ws, peer } = await scene.open({}, { fields: [extension()] });
    const blocks = (): DeflateBlocks => new DeflateBlocks();
    const payloads: [Buffer, string][] = [
      [blocks().fixed(["first "], { isFinal: true }).bytes(), "first "],
      [Buffer.concat([blocks().fixed(["final"], { isFinal: true }).bytes(), Buffer.of(0)]), "final"],
      [
        Buffer.concat([
          blocks().fixed(["one "], { isFinal: true }).bytes(),
          blocks().stored("two ", { isFinal: true }).bytes(),
          blocks().fixed(["three"]).flush().bytes(),
        ]),
        "one two three",
      ],
      // Refers to "three", five bytes back in the previous message.
      [
        blocks()
          .fixed([{ length: 5, distance: 5 }, "!"])
          .flush()
          .bytes(),
        "three!",
      ],
      [Buffer.of(0), ""],
      [
        blocks()
          .fixed([{ length: 6, distance: 6 }])
          .flush()
          .bytes(),
        "three!",
      ],
    ];
    const frames = payloads.map(([payload]) => textFrame(payload, { rsv1: true }));
    expect(await received(peer, ws, ...frames)).toEqual(payloads.map(([, text]) => text));
  });

  it("may inflate to exactly maxMessageSize", async () => {
    const { ws, peer } = await scene.open({ maxMessageSize: 10_000 }, { fields: [extension()] });
    const payload = deflated("x".repeat(10_000));
    expect(await received(peer, ws, textFrame(payload, { rsv1: true }))).toEqual(["x".repeat(10_000)]);
  });
});
