import { randomFillSync } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../../../protocol/errors.js";
import type {
  CodecFactory,
  Deflater,
  DeflaterOptions,
  Inflater,
  InflaterOptions,
} from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import type {
  AgreedExtension,
  ExtensionParameter,
  MessageExtension,
} from "../../../../protocol/extensions/extension.js";
import {
  deflateAcceptor,
  deflateOffer,
  type DeflateOptions,
} from "../../../../protocol/extensions/permessage-deflate/permessage-deflate.js";
import { Resources } from "../../../../protocol/resources.js";
import { expectSame } from "../../../support/feed.js";
import { message, ProtocolEnd } from "../../../support/protocol-end.js";
import { StrictInflater } from "../../../support/strict-inflate.js";
import { fragments, frame, opcodes } from "../../../support/wire.js";

/** Returns the parameters after the name: for `x; a; b=1`, `[["a", true], ["b", "1"]]`. */
function parametersOf(header: string): ExtensionParameter[] {
  const [, ...parameters] = header.split("; ");
  return parameters.map((parameter) => {
    const [name, value] = parameter.split("=");
    return [name!, value ?? true];
  });
}

function parametersFrom(text: string): ExtensionParameter[] {
  return parametersOf(text === "" ? "permessage-deflate" : `permessage-deflate; ${text}`);
}

/** Records the options of the requested codecs. */
class RecordingCodecs implements CodecFactory {
  readonly name = "handle";
  readonly inflaters: InflaterOptions[] = [];
  readonly deflaters: DeflaterOptions[] = [];
  readonly #real: CodecFactory = createCodecFactory();

  inflater(options: InflaterOptions): Inflater {
    this.inflaters.push(options);
    return this.#real.inflater(options);
  }

  deflater(options: DeflaterOptions): Deflater {
    this.deflaters.push(options);
    return this.#real.deflater(options);
  }

  get openCount(): number {
    return this.#real.openCount;
  }
}

function resourcesWith(codecs: CodecFactory): Resources {
  return new Resources({ fillRandom: (bytes) => randomFillSync(bytes), codecs });
}

/** Codecs without `inflatePieces`. */
class PlainCodecs extends RecordingCodecs {
  override inflater(options: InflaterOptions): Inflater {
    const inflater = super.inflater(options);
    return new Proxy(inflater, {
      get: (target, name) => {
        const value: unknown = name === "inflatePieces" ? undefined : Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

/** Returns the options with which the extension creates its codecs. */
function directionsOf(agreed: AgreedExtension): { receives: string; sends: string } {
  const codecs = new RecordingCodecs();
  const extension = agreed.open(resourcesWith(codecs));
  expect(extension.decode(Buffer.of(0), 0, true)).toHaveLength(0);
  extension.encode(Buffer.of(0));
  extension.close();
  return {
    receives: describeDirection(codecs.inflaters[0]!),
    sends: describeDirection(codecs.deflaters[0]!),
  };
}

function describeDirection({ windowBits, keepsContext }: InflaterOptions): string {
  return `${windowBits} ${keepsContext ? "context" : "alone"}`;
}

describe("deflateOffer", () => {
  it.each<[DeflateOptions, string]>([
    [{}, "permessage-deflate; client_max_window_bits"],
    [{ windowBits: 10 }, "permessage-deflate; client_max_window_bits=10"],
    [{ windowBits: 15, level: 1, memLevel: 1 }, "permessage-deflate; client_max_window_bits=15"],
    [{ peerWindowBits: 9 }, "permessage-deflate; server_max_window_bits=9; client_max_window_bits"],
    [{ noContextTakeover: true }, "permessage-deflate; client_no_context_takeover; client_max_window_bits"],
    [
      { peerNoContextTakeover: true },
      "permessage-deflate; server_no_context_takeover; client_max_window_bits",
    ],
    [
      { noContextTakeover: false, peerNoContextTakeover: false },
      "permessage-deflate; client_max_window_bits",
    ],
  ])("with the options %o is %s", (options, header) => {
    expect(deflateOffer(options)).toMatchObject({ name: "permessage-deflate", header });
  });

  it("throws for an invalid option", () => {
    expect(() => deflateOffer({ windowBits: 7 })).toThrow(RangeError);
    expect(() => deflateAcceptor({ noContextTakeover: "no" as unknown as boolean })).toThrow(TypeError);
  });

  it.each<[DeflateOptions, string, string, string]>([
    [{}, "", "15 context", "15 context"],
    [{}, "server_no_context_takeover", "15 alone", "15 context"],
    [{}, "client_no_context_takeover", "15 context", "15 alone"],
    [{}, "server_max_window_bits=8", "8 context", "15 context"],
    [{}, "client_max_window_bits=8", "15 context", "8 context"],
    [{}, "client_max_window_bits=15", "15 context", "15 context"],
    [{ windowBits: 10 }, "", "15 context", "10 context"],
    [{ windowBits: 10 }, "client_max_window_bits=10", "15 context", "10 context"],
    [{ windowBits: 10 }, "client_max_window_bits=9", "15 context", "9 context"],
    [{ peerWindowBits: 10 }, "server_max_window_bits=10", "10 context", "15 context"],
    [{ peerWindowBits: 10 }, "server_max_window_bits=8", "8 context", "15 context"],
    [{ noContextTakeover: true }, "", "15 context", "15 alone"],
    [{ noContextTakeover: true }, "client_no_context_takeover", "15 context", "15 alone"],
    [{ peerNoContextTakeover: true }, "server_no_context_takeover", "15 alone", "15 context"],
  ])("with the options %o accepts the answer '%s'", (options, answer, receives, sends) => {
    const agreed = deflateOffer(options).agree(parametersFrom(answer));
    expect(agreed.header).toBe(answer === "" ? "permessage-deflate" : `permessage-deflate; ${answer}`);
    expect(directionsOf(agreed)).toEqual({ receives, sends });
  });

  it.each<[DeflateOptions, string, string]>([
    [{}, "unknown", "unknown"],
    [{}, "client_max_window_bits", "client_max_window_bits"],
    [{}, "client_max_window_bits=16", "client_max_window_bits"],
    [{}, "server_max_window_bits=08", "server_max_window_bits"],
    [{}, "server_no_context_takeover=1", "server_no_context_takeover"],
    [{}, "client_no_context_takeover; client_no_context_takeover", "client_no_context_takeover"],
    [{ windowBits: 10 }, "client_max_window_bits=11", "client_max_window_bits"],
    [{ peerWindowBits: 10 }, "server_max_window_bits=11", "server_max_window_bits"],
    [{ peerWindowBits: 10 }, "", "server_max_window_bits"],
    [{ peerWindowBits: 15 }, "client_max_window_bits=10", "server_max_window_bits"],
    [{ peerNoContextTakeover: true }, "", "server_no_context_takeover"],
    [{ peerNoContextTakeover: true }, "client_no_context_takeover", "server_no_context_takeover"],
  ])("with the options %o rejects the answer '%s'", (options, answer, parameter) => {
    const agree = () => deflateOffer(options).agree(parametersFrom(answer));
    expect(agree).toThrow(HandshakeError);
    expect(agree).toThrow(expect.objectContaining({ code: "EXTENSION_MISMATCH" }));
    expect(agree).toThrow(parameter);
  });
});

describe("deflateAcceptor", () => {
  it.each<[DeflateOptions, string, string, string, string]>([
    [{}, "", "", "15 context", "15 context"],
    [{}, "client_max_window_bits", "", "15 context", "15 context"],
    [{}, "client_max_window_bits=15", "", "15 context", "15 context"],
    [{}, "client_max_window_bits=10", "client_max_window_bits=10", "10 context", "15 context"],
    [{}, "server_max_window_bits=15", "server_max_window_bits=15", "15 context", "15 context"],
    [{}, "server_max_window_bits=8", "server_max_window_bits=8", "15 context", "8 context"],
    [{}, "server_no_context_takeover", "server_no_context_takeover", "15 context", "15 alone"],
    [{}, "client_no_context_takeover", "client_no_context_takeover", "15 alone", "15 context"],
    [{ windowBits: 10 }, "", "server_max_window_bits=10", "15 context", "10 context"],
    [
      { windowBits: 10 },
      "server_max_window_bits=12",
      "server_max_window_bits=10",
      "15 context",
      "10 context",
    ],
    [
      { windowBits: 12 },
      "server_max_window_bits=10",
      "server_max_window_bits=10",
      "15 context",
      "10 context",
    ],
    [{ windowBits: 15 }, "", "", "15 context", "15 context"],
    [
      { peerWindowBits: 10 },
      "client_max_window_bits",
      "client_max_window_bits=10",
      "10 context",
      "15 context",
    ],
    [
      { peerWindowBits: 10 },
      "client_max_window_bits=9",
      "client_max_window_bits=9",
      "9 context",
      "15 context",
    ],
    [
      { peerWindowBits: 10 },
      "client_max_window_bits=12",
      "client_max_window_bits=10",
      "10 context",
      "15 context",
    ],
    [{ peerWindowBits: 15 }, "", "", "15 context", "15 context"],
    [{ noContextTakeover: true }, "", "server_no_context_takeover", "15 context", "15 alone"],
    [{ peerNoContextTakeover: true }, "", "client_no_context_takeover", "15 alone", "15 context"],
  ])("with the options %o answers '%s' with '%s'", (options, offer, answer, receives, sends) => {
    const agreed = deflateAcceptor(options).accept(parametersFrom(offer));
    expect(agreed?.header).toBe(answer === "" ? "permessage-deflate" : `permessage-deflate; ${answer}`);
    expect(directionsOf(agreed!)).toEqual({ receives, sends });
  });

  it.each<[DeflateOptions, string]>([
    [{}, "unknown"],
    [{}, "server_max_window_bits"],
    [{}, "server_max_window_bits=16"],
    [{}, "client_max_window_bits=7"],
    [{}, "client_max_window_bits=010"],
    [{}, "client_no_context_takeover=yes"],
    [{}, "client_max_window_bits; client_max_window_bits=9"],
    [{ peerWindowBits: 10 }, ""],
    [{ peerWindowBits: 14 }, "server_max_window_bits=10"],
  ])("with the options %o declines '%s'", (options, offer) => {
    expect(deflateAcceptor(options).accept(parametersFrom(offer))).toBeUndefined();
  });

  const choices: DeflateOptions[] = [
    {},
    { windowBits: 8, level: 1 },
    { peerWindowBits: 8 },
    { windowBits: 9, peerWindowBits: 12 },
    { noContextTakeover: true, level: 9, memLevel: 1 },
    { peerNoContextTakeover: true },
    { windowBits: 15, peerWindowBits: 15, noContextTakeover: true, peerNoContextTakeover: true },
  ];
  const pairs = choices.flatMap((client) => choices.map((server) => [client, server] as const));

  it.each(pairs)(
    "negotiates with the offer of %o and its own options %o, and both directions work",
    (forClient, forServer) => {
      const resources = resourcesWith(createCodecFactory());
      const offer = deflateOffer(forClient);
      const accepted = deflateAcceptor(forServer).accept(parametersOf(offer.header))!;
      const agreed = offer.agree(parametersOf(accepted.header));
      expect(agreed.header).toBe(accepted.header);
      const [client, server] = [agreed.open(resources), accepted.open(resources)];
      const bits = (own: DeflateOptions, other: DeflateOptions): number =>
        Math.min(own.windowBits ?? 15, other.peerWindowBits ?? 15);
      const [clientsPeer, serversPeer] = [bits(forClient, forServer), bits(forServer, forClient)].map(
        (windowBits) => new StrictInflater(windowBits),
      );
      for (const text of ["Hello", "Hello", "", "Hello, Hello, Hello ".repeat(100), "Hello"]) {
        const fromClient = Buffer.from(client.encode(Buffer.from(text)));
        const fromServer = Buffer.from(server.encode(Buffer.from(text)));
        expect(clientsPeer!.inflate(fromClient).toString()).toBe(text);
        expect(serversPeer!.inflate(fromServer).toString()).toBe(text);
        expect(server.decode(fromClient, 10_000, false).toString()).toBe(text);
        expect(client.decode(fromServer, 10_000, true).toString()).toBe(text);
      }
      client.close();
      server.close();
      expect(resources.codecs.openCount).toBe(0);
    },
  );
});

describe("the extension on a connection", () => {
  it("joins the pieces for codecs without inflatePieces", () => {
    const extension = deflateOffer({}).agree([]).open(resourcesWith(new PlainCodecs()));
    const wire = Buffer.from(extension.encode(Buffer.from("hello ".repeat(1_000))));
    const pieces = [wire.subarray(0, 5), wire.subarray(5)];
    expect(extension.decodePieces!(pieces, 10_000, true).toString()).toBe("hello ".repeat(1_000));
    extension.close();
  });

  it("creates codecs when it needs them and closes them", () => {
    const codecs = new RecordingCodecs();
    const extension = deflateOffer({ level: 3, memLevel: 4 }).agree([]).open(resourcesWith(codecs));
    expect(codecs.openCount).toBe(0);
    extension.encode(Buffer.from("x"));
    expect([codecs.openCount, codecs.inflaters.length]).toEqual([1, 0]);
    extension.encode(Buffer.from("y"));
    extension.decode(Buffer.of(0), 0, false);
    extension.decode(Buffer.of(0), 0, false);
    expect(codecs.deflaters).toEqual([{ windowBits: 15, keepsContext: true, level: 3, memLevel: 4 }]);
    expect([codecs.openCount, codecs.inflaters.length]).toEqual([2, 1]);
    extension.close();
    extension.close();
    expect(codecs.openCount).toBe(0);
  });

  it("releases unused codecs, and both endpoints continue", () => {
    const resources = resourcesWith(createCodecFactory());
    const offer = deflateOffer({});
    const accepted = deflateAcceptor({}).accept(parametersOf(offer.header))!;
    const [client, server] = [offer.agree(parametersOf(accepted.header)), accepted].map((agreed) =>
      agreed.open(resources),
    ) as [MessageExtension, MessageExtension];
    client.releaseUnused();
    const message = Buffer.from("A repeated message takes fewer bytes the second time.");
    const sendMessage = (): number => {
      const encoded = Buffer.from(client.encode(message));
      expect(server.decode(encoded, 1000, false).equals(message)).toBe(true);
      return encoded.length;
    };
    const [first, second] = [sendMessage(), sendMessage()];
    expect(second).toBeLessThan(first);
    client.releaseUnused();
    server.releaseUnused();
    expect(sendMessage()).toBeLessThan(first);
    expect(resources.codecs.openCount).toBe(2);
    for (const extension of [client, client, server, server]) extension.releaseUnused();
    expect(resources.codecs.openCount).toBe(1);
    expect(sendMessage()).toBe(first);
    client.close();
    server.close();
  });

  it("does not release shared codecs", () => {
    const codecs = new RecordingCodecs();
    const options = { noContextTakeover: true, peerNoContextTakeover: true };
    const header = "server_no_context_takeover; client_no_context_takeover";
    const extension = deflateOffer(options).agree(parametersFrom(header)).open(resourcesWith(codecs));
    extension.decode(extension.encode(Buffer.from("x")), 1, false);
    extension.releaseUnused();
    extension.releaseUnused();
    expect(codecs.openCount).toBe(2);
    extension.close();
  });

  it("uses zlib's defaults", () => {
    const codecs = new RecordingCodecs();
    const extension = deflateAcceptor({}).accept([])!.open(resourcesWith(codecs));
    extension.encode(Buffer.from("x"));
    expect(codecs.deflaters).toEqual([{ windowBits: 15, keepsContext: true, level: -1, memLevel: 8 }]);
    extension.close();
  });

  it("can be closed without being used", () => {
    const codecs = new RecordingCodecs();
    deflateOffer({}).agree([]).open(resourcesWith(codecs)).close();
    expect(codecs.openCount).toBe(0);
  });

  it.each([
    [0, 64],
    [1, 68],
    [1024, 1024 + 128 + 4 + 2 + 64],
    [65_536, 65_536 + 8192 + 256 + 128 + 64],
    [2 ** 40, 2 ** 40 + 2 ** 37 + 2 ** 32 + 2 ** 31 + 64],
  ])("allows at most, for a message of %i bytes, %i bytes on the wire", (size, encoded) => {
    const extension = deflateOffer({}).agree([]).open(resourcesWith(createCodecFactory()));
    expect(extension.maxEncodedSize(size)).toBe(encoded);
    extension.close();
  });

  it.each([0, 1, 126, 65_536, 1_000_000])("does not exceed this limit for %i random bytes", (size) => {
    const extension = deflateOffer({}).agree([]).open(resourcesWith(createCodecFactory()));
    const payload = randomFillSync(Buffer.alloc(size));
    expect(extension.encode(payload).length).toBeLessThanOrEqual(extension.maxEncodedSize(size));
    extension.close();
  });

  const memLevels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED, Z_SYNC_FLUSH } = constants;
  const strategies = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED];

  it.each(memLevels)("allows all messages of a peer whose zlib uses memLevel %i", (memLevel) => {
    const extension = deflateOffer({}).agree([]).open(resourcesWith(createCodecFactory()));
    const random = randomFillSync(Buffer.alloc(1_000_000));
    // Each byte is a literal of 9 bits in the fixed code, the largest size that zlib uses for a byte.
    const nineBitLiterals = Buffer.alloc(
      20_000,
      Buffer.from(Array.from({ length: 112 }, (_, index) => 255 - index)),
    );
    const payloads = [...[0, 1, 100, 5000, 20_000].map((size) => random.subarray(0, size)), nineBitLiterals];
    for (const strategy of strategies) {
      for (let level = 0; level <= 9; level++) {
        for (const windowBits of [9, 15]) {
          for (const payload of level === 1 && windowBits === 15 ? [...payloads, random] : payloads) {
            const options = { level, memLevel, strategy, windowBits, finishFlush: Z_SYNC_FLUSH };
            const wireSize = deflateRawSync(payload, options).length - 4;
            const limit = extension.maxEncodedSize(payload.length);
            expect(wireSize, JSON.stringify({ ...options, size: payload.length })).toBeLessThanOrEqual(limit);
          }
        }
      }
    }
    extension.close();
  });
});

describe("a compressed message of exactly maxMessageSize", () => {
  const size = 1_000_000;
  const random = randomFillSync(Buffer.alloc(size));
  const { Z_SYNC_FLUSH } = constants;

  /** Compresses each fragment with a flush at its end, like `ws` and others. */
  function compressed(parts: readonly Buffer[], memLevel: number): Buffer[] {
    return parts.map((part, index) => {
      const deflated = deflateRawSync(part, { memLevel, finishFlush: Z_SYNC_FLUSH });
      return index === parts.length - 1 ? deflated.subarray(0, -4) : deflated;
    });
  }

  function partsOf(bytes: Buffer, partSize: number): Buffer[] {
    return Array.from({ length: Math.ceil(bytes.length / partSize) }, (_, index) =>
      bytes.subarray(index * partSize, (index + 1) * partSize),
    );
  }

  const receive = (frames: readonly Buffer[], maxMessageSize: number, maxFrameSize?: number): ProtocolEnd => {
    const extension = deflateOffer({}).agree([]);
    const end = new ProtocolEnd({ extension, maxMessageSize, maxFrameSize });
    const input = Buffer.concat(frames);
    end.receive(input, 0, input.length);
    return end;
  };

  it.each([1, 2, 5, 8, 9])(
    "is accepted unfragmented and in fragments from a peer with memLevel %i",
    (memLevel) => {
      for (const partSize of [size, 64 * 1024, 1000]) {
        const pieces = compressed(partsOf(random, partSize), memLevel);
        const frames = fragments(opcodes.binary, pieces, { rsv1: true });
        const end = receive(frames, size);
        expectSame(end.calls, [message(random)]);
        // maxFrameSize limits the size after decompression, not the size on the wire.
        const limited = receive(frames, size, Math.min(partSize, size));
        expectSame(limited.calls, [message(random)]);
      }
    },
  );

  it("is rejected after decompression if it is one byte too long", () => {
    for (const partSize of [size, 64 * 1024]) {
      const pieces = compressed(partsOf(random, partSize), 1);
      const end = receive(fragments(opcodes.binary, pieces, { rsv1: true }), size - 1);
      expect(end.calls).toEqual([["failure", "MESSAGE_TOO_BIG", 1009]]);
      expect(end.errors[0]!.message).toContain(`more than ${size - 1} bytes after decompression`);
    }
  });

  it("is rejected at the frame header if it is larger on the wire than zlib can make it", () => {
    const limit = size + size / 8 + Math.ceil(size / 256) + Math.ceil(size / 512) + 64;
    const header = (announced: number): Buffer => frame({ opcode: opcodes.binary, rsv1: true, announced });
    expect(receive([header(limit)], size).calls).toEqual([]);
    const end = receive([header(limit + 1)], size);
    expect(end.calls).toEqual([["failure", "MESSAGE_TOO_BIG", 1009]]);
    expect(end.errors[0]!.message).toContain(`takes ${limit + 1} bytes on the wire`);
  });
});
