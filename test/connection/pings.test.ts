import { beforeEach, describe, expect, it } from "vitest";
import { Pings } from "../../src/connection/pings.js";

let pings: Pings;
let settled: string[];

beforeEach(() => {
  pings = new Pings();
  settled = [];
});

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

function add(payload: string, sentAt: number, position = 0): void {
  const dropped = pings.add(bytes(payload), sentAt, position, {
    resolve: (latency) => settled.push(`${payload} ${latency}`),
    reject: (error) => settled.push(`${payload} ${String(error)}`),
  });
  dropped?.reject("dropped");
}

describe("Pings", () => {
  it("returns the latency when the pong arrives", () => {
    add("a", 100);
    expect(pings.unanswered).toBe(1);
    expect(pings.answer(bytes("a"), 130)).toBe(30);
    expect(settled).toEqual(["a 30"]);
    expect(pings.unanswered).toBe(0);
  });

  it("supports pings without a call", () => {
    pings.add(bytes("a"), 100, 3);
    expect(pings.answer(bytes("a"), 101)).toBe(1);
    expect(pings.confirmedCount).toBe(3);
  });

  it("never lowers confirmedCount, even if a later ping had a lower position", () => {
    add("a", 100, 10);
    add("b", 110, 5);
    pings.answer(bytes("a"), 120);
    pings.answer(bytes("b"), 120);
    expect(pings.confirmedCount).toBe(10);
  });

  it("answers pings one by one", () => {
    add("a", 100);
    add("b", 110);
    expect(pings.answer(bytes("a"), 120)).toBe(20);
    expect(settled).toEqual(["a 20"]);
    expect(pings.answer(bytes("b"), 125)).toBe(15);
    expect(settled).toEqual(["a 20", "b 15"]);
  });

  it("settles earlier pings with the pong of a later one (RFC 6455 5.5.3)", () => {
    add("a", 100);
    add("b", 110);
    add("c", 120);
    expect(pings.answer(bytes("b"), 150)).toBe(40);
    expect(settled).toEqual(["a 50", "b 40"]);
    expect(pings.unanswered).toBe(1);
  });

  describe("an unsolicited pong", () => {
    it.each(["", "x", "aa"])("%j changes nothing", (payload) => {
      add("a", 100, 5);
      expect(pings.answer(bytes(payload), 110)).toBeUndefined();
      expect([settled, pings.unanswered, pings.confirmedCount]).toEqual([[], 1, 0]);
    });

    it("may be a duplicate", () => {
      add("a", 100);
      pings.answer(bytes("a"), 110);
      expect(pings.answer(bytes("a"), 120)).toBeUndefined();
      expect(settled).toEqual(["a 10"]);
    });
  });

  it("compares payloads byte by byte, and supports an empty one", () => {
    add("\u0000\u00ff", 1);
    add("\u0000\u00fe", 2);
    add("", 3);
    expect(pings.answer(Uint8Array.of(0, 0xff), 10)).toBe(9);
    expect(pings.answer(Uint8Array.of(0, 0xfe), 10)).toBe(8);
    expect(pings.answer(new Uint8Array(0), 10)).toBe(7);
  });

  it("copies the payload", () => {
    const payload = bytes("a");
    pings.add(payload, 1, 0);
    payload.fill(0);
    expect(pings.answer(bytes("a"), 2)).toBe(1);
  });

  it("answers two pings with the same payload in order", () => {
    add("a", 100);
    add("a", 110);
    expect(pings.answer(bytes("a"), 120)).toBe(20);
    expect(pings.answer(bytes("a"), 130)).toBe(20);
    expect(settled).toEqual(["a 20", "a 20"]);
  });

  it("counts the messages that the peer has certainly read", () => {
    expect(pings.confirmedCount).toBe(0);
    add("a", 1, 4);
    add("b", 2, 9);
    pings.answer(bytes("a"), 3);
    expect(pings.confirmedCount).toBe(4);
    pings.answer(bytes("b"), 3);
    expect(pings.confirmedCount).toBe(9);
  });

  it("rejects the calls of the unanswered pings, which still count as unanswered", () => {
    for (const payload of ["a", "b", "c"]) add(payload, 100);
    pings.answer(bytes("a"), 110);
    pings.rejectCalls("gone");
    expect([settled, pings.unanswered]).toEqual([["a 10", "b gone", "c gone"], 2]);
  });

  it("drops the oldest of more than 64 pings, and returns its call", () => {
    for (let index = 0; index < 66; index++) add(String(index), index);
    expect(pings.unanswered).toBe(64);
    expect(settled).toEqual(["0 dropped", "1 dropped"]);
    expect(pings.answer(bytes("0"), 100)).toBeUndefined();
    expect(pings.answer(bytes("2"), 100)).toBe(98);
  });
});
