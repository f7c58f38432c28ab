import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Role } from "../../protocol/constants.js";
import { createCodecFactory } from "../../protocol/extensions/permessage-deflate/codec-factory.js";
import type { AgreedExtension, ExtensionParameter } from "../../protocol/extensions/extension.js";
import {
  deflateAcceptor,
  deflateOffer,
} from "../../protocol/extensions/permessage-deflate/permessage-deflate.js";
import { maskBytes, Masker } from "../../protocol/mask.js";
import { OutputBuffer } from "../../protocol/output-buffer.js";
import { Resources } from "../../protocol/resources.js";
import { Utf8Validator } from "../../protocol/text/utf8.js";
import { cases } from "../support/cases.js";
import { cutAt, expectSame, feedPieces } from "../support/feed.js";
import {
  drain,
  message,
  ProtocolEnd,
  steadyRandom,
  testResources,
  type Recorded,
} from "../support/protocol-end.js";
import { badUtf8, edgeCharacters, checkUtf8 } from "../support/utf8-table.js";
import { deflated, fragments, frame, opcodes, pingFrame, readFrames } from "../support/wire.js";

/** The positions at which an input is split, as fractions of its length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12, size: "max" });

function piecesOf(input: Uint8Array, parts: readonly number[]): Uint8Array[] {
  const positions = parts.map((part) => Math.round(part * input.length)).sort((left, right) => left - right);
  return cutAt(input, positions);
}

const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 2, arbitrary: fc.constantFrom(...edgeCharacters) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 12_000 }))
      .map(([unit, count]) => unit.repeat(count)),
  },
);

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 125, 126, 65_535, 65_536, 150_000).map(bytesOf) },
);

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index * 7 + (index >>> 8));
}

const control = fc.uint8Array({ maxLength: 125 });
const closeCode = fc.oneof(fc.integer({ min: 1000, max: 1003 }), fc.integer({ min: 3000, max: 4999 }));
const closeReason = fc.string({ unit: "binary", maxLength: 30 });

type Sent =
  | { readonly kind: "text"; readonly text: string; readonly compress: boolean | undefined }
  | { readonly kind: "binary"; readonly bytes: Uint8Array; readonly compress: boolean | undefined }
  | { readonly kind: "ping" | "pong"; readonly bytes: Uint8Array };

const compress = fc.constantFrom(true, false, undefined);

const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text, compress }),
  fc.record({ kind: fc.constant("binary" as const), bytes, compress }),
  fc.record({ kind: fc.constantFrom("ping" as const, "pong" as const), bytes: control }),
);

function send(end: ProtocolEnd, call: Sent): Recorded {
  if (call.kind === "text") {
    end.connection.text(call.text, { compress: call.compress });
    return message(call.text);
  }
  if (call.kind === "binary") {
    end.connection.binary(call.bytes, { compress: call.compress });
    return message(call.bytes);
  }
  end.connection[call.kind](call.bytes);
  return [call.kind, Buffer.from(call.bytes).toString("latin1")];
}

const extensions: [string, { [role in Role]: AgreedExtension } | undefined][] = [
  ["without an extension", undefined],
  ["with permessage-deflate", agreed([])],
  ["with permessage-deflate that keeps no context", agreed(["server", "client"])],
];

function agreed(withoutContext: readonly Role[]): { [role in Role]: AgreedExtension } {
  const parameters = withoutContext.map((role): ExtensionParameter => [`${role}_no_context_takeover`, true]);
  const isWithout = withoutContext.length > 0;
  return {
    client: deflateOffer({ noContextTakeover: isWithout, peerNoContextTakeover: isWithout }).agree(
      parameters,
    ),
    server: deflateAcceptor({}).accept(parameters)!,
  };
}

describe.each(["handle", "dictionary"] as const)("with the codec %s", (codec) => {
  describe.each(extensions)("%s", (_name, extension) => {
    it.each([
      ["client", "server"],
      ["server", "client"],
    ] as const)("a %s writes messages that a %s reads, split at any positions", (from, to) => {
      const property = fc.property(
        fc.array(sent, { maxLength: 12, size: "max" }),
        closeCode,
        closeReason,
        cuts,
        (calls, code, reason, parts) => {
          const resources = new Resources({ fillRandom: steadyRandom(), codecs: createCodecFactory(codec) });
          const writer = new ProtocolEnd({ role: from, resources, extension: extension?.[from] });
          const reader = new ProtocolEnd({ role: to, resources, extension: extension?.[to] });
          const expected: Recorded[] = [];
          const wire: Buffer[] = [];
          for (const call of calls) {
            expected.push(send(writer, call));
            wire.push(writer.drain());
          }
          writer.connection.close(code, reason);
          wire.push(writer.drain());
          feedPieces(piecesOf(Buffer.concat(wire), parts), reader.receive);
          expectSame(reader.calls, [...expected, ["close", code, reason]]);
          expect(writer.connection.bufferedSize).toBe(0);
          writer.connection.abandon();
          reader.connection.abandon();
          expect(resources.codecs.openCount).toBe(0);
        },
      );
      fc.assert(property, { numRuns: cases(extension === undefined && codec === "dictionary" ? 1 : 40) });
    });
  });
});

/** Mostly valid frames, so that errors occur late. */
const mostlyValidFrame = fc.record({
  opcode: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...Object.values(opcodes)) },
    { weight: 1, arbitrary: fc.nat(15) },
  ),
  isFinal: fc.oneof(
    { weight: 3, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  rsv1: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  payload: fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }).map((string) => Uint8Array.from(Buffer.from(string))),
    fc.string({ unit: "binary", maxLength: 40 }).map(deflated),
    fc.uint8Array({ maxLength: 140 }),
    fc.constantFrom(...badUtf8.map(([, bad]) => Uint8Array.from(bad))),
    closeCode.map((code) => Uint8Array.of(code >> 8, code & 255)),
  ),
});

/** A fragmented message with a ping after each fragment. */
const mostlyValidMessage = fc.record({
  opcode: fc.constantFrom(opcodes.text, opcodes.binary),
  text: fc.oneof(
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.constantFrom("x".repeat(126), "é".repeat(240), "€".repeat(170)),
  ),
  cuts,
  isCompressed: fc.boolean(),
  ping: fc.option(fc.string({ unit: "binary", maxLength: 20 })),
});

const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255));

/** Joins the frames, and changes a few bytes. */
function changed(
  frames: readonly Buffer[],
  changes: readonly (readonly [part: number, byte: number])[],
): Buffer {
  const all = Buffer.concat(frames);
  for (const [part, byte] of changes) if (all.length > 0) all[Math.floor(part * all.length)] = byte;
  return all;
}

describe.each(["client", "server"] as const)("any input of a %s", (role) => {
  const mask = role === "server";

  function inputOf(canCompress: boolean): fc.Arbitrary<Uint8Array> {
    const frames = fc.array(mostlyValidFrame, { maxLength: 8, size: "max" });
    const messages = fc.array(mostlyValidMessage, { maxLength: 5, size: "max" });
    return fc.oneof(
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
      {
        weight: 2,
        arbitrary: fc.tuple(frames, fc.array(change, { maxLength: 2 })).map(([all, changes]) =>
          changed(
            all.map((parts) => frame({ ...parts, mask })),
            changes,
          ),
        ),
      },
      {
        weight: 4,
        arbitrary: fc.tuple(messages, fc.array(change, { maxLength: 1 })).map(([all, changes]) =>
          changed(
            all.flatMap((parts) => framesOf(parts, canCompress)),
            changes,
          ),
        ),
      },
    );
  }

  function framesOf(
    parts: typeof mostlyValidMessage extends fc.Arbitrary<infer Value> ? Value : never,
    canCompress: boolean,
  ): Buffer[] {
    const rsv1 = canCompress && parts.isCompressed;
    const payload = rsv1 ? deflated(parts.text) : Buffer.from(parts.text);
    const frames = fragments(parts.opcode, piecesOf(payload, parts.cuts), { rsv1, mask });
    if (parts.ping === null) return frames;
    const ping = pingFrame(parts.ping, { mask });
    return frames.flatMap((bytes) => [bytes, ping]);
  }

  function run(
    pieces: Iterable<Uint8Array>,
    extension: AgreedExtension | undefined,
    isPausing: boolean,
  ): unknown {
    const end = new ProtocolEnd({ role, extension, maxMessageSize: 500, maxFrameSize: 400 });
    if (isPausing) end.onCall = () => end.connection.pause();
    feedPieces(pieces, (borrowed, from, to) => {
      end.receive(borrowed, from, to);
      for (let recorded = -1; recorded !== end.calls.length;) {
        recorded = end.calls.length;
        end.connection.resume();
      }
    });
    end.connection.receiveEnd();
    const { state, closeSent, closeReceived, isInsideMessage } = end.connection;
    const unfinishedSize = isInsideMessage ? end.connection.unfinishedSize : 0;
    const sentFrames = readFrames(end.drain());
    end.connection.abandon();
    return { calls: end.calls, state, closeSent, closeReceived, isInsideMessage, unfinishedSize, sentFrames };
  }

  it.each(extensions)(
    "never throws, and causes the same calls however it is split, %s",
    (_name, extension) => {
      const property = fc.property(
        inputOf(extension !== undefined),
        cuts,
        fc.boolean(),
        (all, parts, isPausing) => {
          const whole = run([all], extension?.[role], false);
          expectSame(run(piecesOf(all, parts), extension?.[role], isPausing), whole);
          expectSame(run(cutAt(all, [...all.keys()]), extension?.[role], isPausing), whole);
        },
      );
      fc.assert(property, { numRuns: cases(150) });
    },
  );
});

describe("UTF-8", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 6 }).map((string) => [...Buffer.from(string)]),
    fc.constantFrom(...badUtf8.map(([, bad]) => [...bad])),
    fc.constantFrom(...edgeCharacters.map((character) => [...Buffer.from(character)])),
    fc.array(fc.nat(255), { maxLength: 4 }),
  );
  const input = fc.array(part, { maxLength: 6 }).map((parts) => Uint8Array.from(parts.flat()));

  function isText(all: Uint8Array): boolean {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(all);
      return true;
    } catch {
      return false;
    }
  }

  /** Returns whether more continuation bytes would complete the text. */
  function isCutOff(all: Uint8Array): boolean {
    const tails = [0x80, 0x90, 0xa0].flatMap((byte) => [[byte], [byte, 0x80], [byte, 0x80, 0x80]]);
    return tails.some((tail) => isText(Uint8Array.of(...all, ...tail)));
  }

  it("is accepted in two pieces exactly when TextDecoder accepts the whole, except for an incomplete end", () => {
    const property = fc.property(input, (all) => {
      const expected = isText(all) || isCutOff(all);
      for (let at = 0; at <= all.length; at++) {
        const validator = new Utf8Validator();
        expect(validator.push(all, 0, at) && validator.push(all, at, all.length)).toBe(expected);
      }
    });
    fc.assert(property, { numRuns: cases(500) });
  });

  it("is rejected in the piece with the first byte that RFC 3629 rejects", () => {
    const property = fc.property(input, cuts, (all, parts) => {
      const { badAt } = checkUtf8(all);
      const validator = new Utf8Validator();
      let at = 0;
      for (const piece of piecesOf(all, parts)) {
        const isGood = validator.push(piece, 0, piece.length);
        at += piece.length;
        expect(isGood).toBe(badAt === -1 || badAt >= at);
        if (!isGood) return;
      }
    });
    fc.assert(property, { numRuns: cases(1000) });
  });
});

it("masking agrees with the loop of RFC 6455 5.3 at any alignment and in any pieces", () => {
  const property = fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.nat(20),
    fc.integer(),
    cuts,
    (plain, start, key, parts) => {
      const keyBytes = [key, key >>> 8, key >>> 16, key >>> 24].map((byte) => byte & 255);
      const expected = Buffer.from(plain.map((byte, index) => byte ^ keyBytes[index % 4]!));
      const memory = new Uint8Array(328);
      const words = new BigUint64Array(memory.buffer);
      for (const isByWords of [true, false]) {
        memory.set(plain, start);
        const masker = new Masker();
        let [at, rotated] = [start, key];
        for (const { length } of piecesOf(plain, parts)) {
          rotated = isByWords
            ? masker.mask(memory, words, at, at + length, rotated)
            : maskBytes(memory, at, at + length, rotated);
          at += length;
        }
        expect(expected.equals(memory.subarray(start, start + plain.length))).toBe(true);
      }
    },
  );
  fc.assert(property, { numRuns: cases(500) });
});

describe("output", () => {
  type Step =
    | { readonly kind: "text" | "encoded" | "binary"; readonly size: number }
    | { readonly kind: "ping" | "pong" | "take" | "written" };

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constantFrom("text" as const, "encoded" as const, "binary" as const),
      size: fc.oneof(fc.nat(300), fc.constantFrom(0, 30_000, 65_507, 65_522, 65_523, 131_058, 200_000)),
    }),
    fc.record({ kind: fc.constantFrom("ping" as const, "pong" as const) }),
    fc.record({ kind: fc.constantFrom("take" as const, "written" as const) }),
  );

  /** Applies steps to an output buffer like a socket, and records the order of the messages. */
  class Model {
    readonly output: OutputBuffer;
    readonly messages: string[] = [];
    readonly pings: { readonly name: string; readonly before: number }[] = [];
    readonly taken: Buffer[] = [];
    isTaken = false;

    constructor(role: Role) {
      this.output = new OutputBuffer(role, testResources());
    }

    apply(step: Step, index: number): void {
      if ("size" in step) this.#write(step.kind, step.size, index);
      else if (step.kind === "ping") this.#ping(String(index));
      else if (step.kind === "pong") this.output.writePong(Buffer.from(String(index)));
      else if (step.kind === "take") this.#take();
      else this.#written();
    }

    #write(kind: "text" | "encoded" | "binary", size: number, index: number): void {
      const content = `${index}:`.padEnd(size, "x");
      this.messages.push(content);
      if (kind === "text") this.output.writeText(content);
      else if (kind === "binary") this.output.writeBinary(Buffer.from(content));
      else this.output.writeEncoded(opcodes.binary, Buffer.from(content), content);
    }

    #ping(name: string): void {
      this.pings.push({ name, before: this.output.writePing(Buffer.from(name)) });
    }

    #take(): void {
      const { isReady } = this.output;
      const taken = this.output.take();
      expect(taken !== undefined).toBe(isReady);
      if (taken === undefined) return;
      expect(taken.length).toBeGreaterThan(0);
      expect(taken.length).toBeLessThanOrEqual(65_536);
      this.taken.push(Buffer.from(taken));
      this.isTaken = true;
    }

    #written(): void {
      if (this.isTaken) this.output.written();
      this.isTaken = false;
    }
  }

  it.each(["client", "server"] as const)(
    "of a %s keeps its order and its counts, whenever bytes are taken",
    (role) => {
      const property = fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const model = new Model(role);
        for (const [index, step] of steps.entries()) model.apply(step, index);
        const { output, messages, pings } = model;
        const takenSize = Buffer.concat(model.taken).length;
        const { handedCount, framedCount } = output;

        // The taken bytes and the remaining ones form one stream of complete frames.
        if (model.isTaken) output.written();
        const read = readFrames(Buffer.concat([...model.taken, drain(output)]));
        const contents = read
          .filter(({ opcode }) => opcode < 8)
          .map(({ payload }) => payload.toString("latin1"));
        expect(
          contents.length === messages.length && contents.every((content, at) => content === messages[at]),
        ).toBe(true);
        expect([output.size, output.writtenCount, output.handedCount, framedCount]).toEqual([
          0,
          ...Array<number>(3).fill(messages.length),
        ]);

        let [at, begun, seen] = [0, 0, 0];
        for (const { opcode, payload, isMasked } of read) {
          const ping =
            opcode === opcodes.ping ? pings.find(({ name }) => name === payload.toString()) : undefined;
          expect(seen).toBeGreaterThanOrEqual(ping?.before ?? 0);
          if (opcode < 8 && at < takenSize) begun++;
          if (opcode < 8) seen++;
          at +=
            payload.length +
            (payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10) +
            (isMasked ? 4 : 0);
        }
        expect(handedCount).toBe(begun);
      });
      fc.assert(property, { numRuns: cases(150) });
    },
  );

  it.each(["client", "server"] as const)(
    "of a %s returns the messages that it has not started, whenever bytes are taken",
    (role) => {
      const property = fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const model = new Model(role);
        for (const [index, step] of steps.entries()) model.apply(step, index);
        const { output, messages } = model;
        const { handedCount, writtenCount } = output;
        const unsent = output.takeUnsent();
        const expected = messages.slice(handedCount);
        expect(unsent.length).toBe(expected.length);
        expect(unsent.every((data, at) => data.toString() === expected[at])).toBe(true);
        expect(output.size).toBe(model.isTaken ? model.taken.at(-1)!.length : 0);
        expect([output.handedCount, output.writtenCount, output.framedCount]).toEqual([
          handedCount,
          writtenCount,
          messages.length,
        ]);
        if (model.isTaken) output.written();
        expect([output.size, output.isReady]).toEqual([0, false]);
      });
      fc.assert(property, { numRuns: cases(150) });
    },
  );
});
