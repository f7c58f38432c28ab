import { describe, expect, it } from "vitest";
import type { FrameObserver, ObservedFrame } from "../../protocol/frame-observer.js";
import { feedPieces } from "../support/feed.js";
import { InvertingExtension, inverted } from "../support/inverting-extension.js";
import { message, ProtocolEnd } from "../support/protocol-end.js";
import { closeFrame, frame, fragments, opcodes, pingFrame, textFrame, binaryFrame } from "../support/wire.js";

class Observer implements FrameObserver {
  isActive = true;
  excerptSize = 4;
  readonly seen: string[] = [];
  onFrame(
    direction: "in" | "out",
    { opcode, isFinal, isCompressed, payloadSize, excerpt }: ObservedFrame,
  ): void {
    const flags = `${isFinal ? "fin" : "more"}${isCompressed ? " rsv1" : ""}`;
    this.seen.push(`${direction} ${opcode} ${flags} ${payloadSize} ${excerpt.toString("latin1")}`.trim());
  }
}

describe.each(["client", "server"] as const)("a %s with an observer", (role) => {
  const mask = role === "server";

  function begin(): { readonly end: ProtocolEnd; readonly observer: Observer } {
    const observer = new Observer();
    const extension = new InvertingExtension();
    return { end: new ProtocolEnd({ role, observer, extension, autoPong: false }), observer };
  }

  it("reports each received frame, however it is split into reads", () => {
    const [first, second] = fragments(opcodes.text, ["abcdef", "gh"], { mask });
    const input = Buffer.concat([
      ...[textFrame("", { mask }), first!, pingFrame("p", { mask }), second!],
      ...[textFrame(inverted("x"), { mask, rsv1: true }), binaryFrame(Buffer.alloc(70_000, "b"), { mask })],
    ]);
    for (const size of [input.length, 1, 3, 5, 1000]) {
      const { end, observer } = begin();
      const pieces = Array.from({ length: Math.ceil(input.length / size) }, (_, index) =>
        input.subarray(index * size, (index + 1) * size),
      );
      feedPieces(pieces, end.receive);
      expect(observer.seen).toEqual([
        ...["in 1 fin 0", "in 1 more 6 abcd", "in 9 fin 1 p", "in 0 fin 2 gh"],
        ...[`in 1 fin rsv1 1 ${inverted("x").toString("latin1")}`, "in 2 fin 70000 bbbb"],
      ]);
      expect(end.calls).toEqual([
        message(""),
        ["ping", "p"],
        message("abcdefgh"),
        message("x"),
        message(Buffer.alloc(70_000, "b")),
      ]);
    }
  });

  it("reports a frame before the events that it causes, and the answer after it", () => {
    const { end, observer } = begin();
    const order: string[] = [];
    end.onCall = ([name]): void => void order.push(`${name} after ${observer.seen.length}`);
    feedPieces([textFrame("a", { mask }), closeFrame(1000, "", { mask })], end.receive);
    expect(order).toEqual(["message after 1", "close after 3"]);
    expect(observer.seen.slice(1)).toEqual(["in 8 fin 2 \x03\xe8", "out 8 fin 2 \x03\xe8"]);
  });

  it("does not report a frame whose header is rejected", () => {
    for (const bad of [
      frame({ opcode: opcodes.continuation, payload: "x", mask }),
      frame({ opcode: 3, payload: "x", mask }),
    ]) {
      const { end, observer } = begin();
      feedPieces([bad], end.receive);
      expect(end.calls.map(([name]) => name)).toEqual(["failure"]);
      expect(observer.seen).toEqual(["out 8 fin 2 \x03\xea"]);
    }
  });

  it("reports a frame only if the observer is active at the start and the end of the frame", () => {
    const { end, observer } = begin();
    const cut = (text: string): [Buffer, Buffer] => {
      const bytes = textFrame(text, { mask });
      return [bytes.subarray(0, bytes.length - 2), bytes.subarray(bytes.length - 2)];
    };
    const feed = (isActive: boolean, bytes: Buffer): void => {
      observer.isActive = isActive;
      end.receive(bytes, 0, bytes.length);
    };
    const [a, b, c, d] = [cut("aaaa"), cut("bbbb"), cut("cccc"), cut("dddd")];
    feed(false, a[0]);
    feed(true, a[1]);
    feed(true, b[0]);
    feed(false, Buffer.concat([b[1], c[0]]));
    feed(true, c[1]);
    feed(true, d[0]);
    feed(true, d[1]);
    expect(observer.seen).toEqual(["in 1 fin 4 dddd"]);
    expect(end.calls).toEqual(["aaaa", "bbbb", "cccc", "dddd"].map((text) => message(text)));
  });

  it("passes copies of the excerpts", () => {
    const { end, observer } = begin();
    const excerpts: Buffer[] = [];
    observer.onFrame = (_, { excerpt }): void => void excerpts.push(excerpt);
    const bytes = textFrame("abc", { mask });
    end.receive(bytes, 0, bytes.length);
    bytes.fill(0);
    end.receive(textFrame("xyz", { mask }), 0, textFrame("xyz", { mask }).length);
    expect(excerpts.map(String)).toEqual(["abc", "xyz"]);
  });
});
