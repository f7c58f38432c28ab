import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Role } from "../../protocol/constants.js";
import { createCodecFactory } from "../../protocol/extensions/permessage-deflate/codec-factory.js";
import type { AgreedExtension } from "../../protocol/extensions/extension.js";
import {
  deflateAcceptor,
  deflateOffer,
} from "../../protocol/extensions/permessage-deflate/permessage-deflate.js";
import { Resources } from "../../protocol/resources.js";
import { cases } from "../support/cases.js";
import { InvertingExtension } from "../support/inverting-extension.js";
import { message, ProtocolEnd, steadyRandom } from "../support/protocol-end.js";
import { StrictInflater } from "../support/strict-inflate.js";
import { closePayload, opcodes, readFrames } from "../support/wire.js";

/** Both ends keep their compression context, which an error in takeBack() could break. */
function agreement(role: Role): AgreedExtension {
  if (role === "server") return deflateAcceptor({}).accept([])!;
  return deflateOffer({}).agree([]);
}

function newEnd(role: Role, codecs: "handle" | "dictionary"): ProtocolEnd {
  const resources = new Resources({ fillRandom: steadyRandom(), codecs: createCodecFactory(codecs) });
  return new ProtocolEnd({ role, resources, extension: agreement(role), compressionThreshold: 0 });
}

/** Decodes the bytes on the wire as a peer does, with its own compression context and without code of `protocol/`. */
function readWire(bytes: Uint8Array): { readonly messages: string[]; readonly controls: string[] } {
  const inflater = new StrictInflater(15);
  const [messages, controls]: [string[], string[]] = [[], []];
  for (const { opcode, rsv1, payload } of readFrames(bytes)) {
    const content = (rsv1 ? inflater.inflate(payload) : payload).toString("latin1");
    (opcode < 8 ? messages : controls).push(content);
  }
  return { messages, controls };
}

const combinations = [
  ["client", "handle"],
  ["server", "handle"],
  ["client", "dictionary"],
  ["server", "dictionary"],
] as const;

describe.each(combinations)("takeBack of a %s that compresses with the codecs %s", (role, codecs) => {
  it("leaves a connection that can send more compressed messages", () => {
    const end = newEnd(role, codecs);
    const { connection } = end;
    const price = (index: number): string => `{"symbol":"BTC-USD","price":${1000 + index},"side":"buy"}`;
    connection.text(price(0));
    const sent = [end.drain()];
    connection.text(price(1));
    connection.binary(Buffer.from(price(2)));
    expect(connection.takeBack()).toEqual([price(1), Buffer.from(price(2))]);
    expect([connection.framedCount, connection.bufferedSize]).toEqual([1, 0]);
    connection.text(price(3));
    connection.text(price(3));
    const later = end.drain();
    const frames = readFrames(later);
    expect(frames.map(({ rsv1 }) => rsv1)).toEqual([true, true]);
    expect(frames[1]!.payload.length).toBeLessThan(frames[0]!.payload.length / 2);
    connection.close(1000, "bye");
    sent.push(later, end.drain());
    expect(readWire(Buffer.concat(sent))).toEqual({
      messages: [price(0), price(3), price(3)],
      controls: [closePayload(1000, "bye").toString("latin1")],
    });
    const peer = newEnd(role === "client" ? "server" : "client", codecs);
    peer.connection.receive(Buffer.concat(sent));
    expect(peer.calls).toEqual([
      ...[price(0), price(3), price(3)].map((text) => message(text)),
      ["close", 1000, "bye"],
    ]);
    connection.receive(peer.drain());
    expect(connection.state).toBe("closed");
  });

  type Step =
    | { readonly kind: "text" | "binary" | "plain" | "noise"; readonly size: number }
    | { readonly kind: "ping" | "take" | "written" | "back" };

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constantFrom("text" as const, "binary" as const, "plain" as const),
      size: fc.nat(400),
    }),
    fc.record({ kind: fc.constantFrom("plain" as const), size: fc.constantFrom(70_000, 140_000) }),
    fc.record({
      kind: fc.constantFrom("ping" as const, "back" as const, "take" as const, "written" as const),
    }),
  );

  it("has the same effect as if the returned messages had never been sent, for any sequence of calls", () => {
    const property = fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
      const end = newEnd(role, codecs);
      const { connection } = end;
      const wire: Buffer[] = [];
      let isTaken = false;
      const given: string[] = [];
      const pings: string[] = [];
      for (const [index, { kind, ...more }] of steps.entries()) {
        if ("size" in more) {
          const content = `${index}:{"side":"buy","price":`.padEnd(more.size, "01234567");
          given.push(content);
          const compress = kind !== "plain";
          if (kind === "binary") connection.binary(Buffer.from(content), { compress });
          else connection.text(content, { compress });
        } else if (kind === "ping") {
          pings.push(String(index));
          connection.ping(Buffer.from(String(index)));
        } else if (kind === "take" && connection.hasOutput) {
          wire.push(Buffer.from(connection.take()!));
          isTaken = true;
        } else if (kind === "written" && isTaken) {
          connection.written();
          isTaken = false;
        } else if (kind === "back") {
          const { handedCount, writtenCount } = connection;
          const back = connection.takeBack().map((data) => data.toString());
          expect(back.join()).toBe(given.splice(handedCount).join());
          expect([connection.framedCount, connection.handedCount, connection.writtenCount]).toEqual([
            handedCount,
            handedCount,
            writtenCount,
          ]);
        }
      }
      connection.close(1001);
      const { bufferedSize } = connection;
      const inFlight = isTaken ? wire.at(-1)!.length : 0;
      if (isTaken) connection.written();
      const rest = end.drain();
      expect(rest.length + inFlight).toBe(bufferedSize);
      const { messages, controls } = readWire(Buffer.concat([...wire, rest]));
      expect(messages.join()).toBe(given.join());
      expect(controls.slice(0, -1).sort()).toEqual(pings.sort());
      expect(controls.at(-1)).toBe(closePayload(1001).toString("latin1"));
      expect([connection.bufferedSize, connection.writtenCount, connection.handedCount]).toEqual([
        0,
        given.length,
        given.length,
      ]);
      connection.abandon();
    });
    fc.assert(property, { numRuns: cases(60) });
  });
});

describe("takeBack", () => {
  it("restarts the encoding of the extension", () => {
    const extension = new InvertingExtension();
    const end = new ProtocolEnd({ extension, compressionThreshold: 0 });
    end.connection.text("a");
    expect(end.connection.takeBack()).toEqual(["a"]);
    expect([extension.restartCount, extension.isClosed]).toEqual([1, false]);
  });

  it("works without an extension, and a Close frame can follow", () => {
    const end = new ProtocolEnd({ role: "server" });
    end.connection.text("a");
    expect(end.connection.ping()).toBe(1);
    expect(end.connection.takeBack()).toEqual(["a"]);
    expect(end.connection.framedCount).toBe(0);
    end.connection.close(1000);
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([opcodes.ping, opcodes.close]);
  });

  it("releases the native memory of the codec exactly once", () => {
    const codecs = createCodecFactory();
    const resources = new Resources({ fillRandom: steadyRandom(), codecs });
    const extension = agreement("client");
    const { connection } = new ProtocolEnd({ resources, extension, compressionThreshold: 0 });
    connection.text("a");
    expect(codecs.openCount).toBe(1);
    connection.takeBack();
    expect(codecs.openCount).toBe(0);
    connection.text("b");
    connection.takeBack();
    connection.text("c");
    connection.abandon();
    expect(connection.takeBack()).toEqual(["c"]);
    expect(codecs.openCount).toBe(0);
  });
});
