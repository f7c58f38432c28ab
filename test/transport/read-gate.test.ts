import { beforeEach, describe, expect, it } from "vitest";
import { ReadGate } from "../../src/transport/read-gate.js";
import { turns } from "../support/dialling.js";

let calls: string[];
let onCall: (call: string) => void;
let gate: ReadGate;

beforeEach(() => {
  calls = [];
  onCall = () => undefined;
  const record = (call: string): void => {
    calls.push(call);
    onCall(call);
  };
  gate = new ReadGate(
    {
      onPhase: () => undefined,
      onOpen: () => undefined,
      onData: (bytes, length) => record(bytes.toString("latin1", 0, length)),
      onEnd: () => record("end"),
      onClose: (error) => record(error === undefined ? "close" : `close: ${error.message}`),
    },
    { onDrained: () => record("read on") },
  );
});

/** What a stream gives before it has noticed the pause, in a buffer that is used again. */
function give(...pieces: string[]): void {
  const buffer = Buffer.alloc(8);
  for (const piece of pieces) gate.data(buffer, buffer.write(piece));
}

describe("while open", () => {
  it("lets all pass at once", () => {
    give("a", "", "b");
    gate.end();
    gate.close(undefined);
    expect(calls).toEqual(["a", "b", "end", "close"]);
  });

  it("tells the close once, and nothing after it", () => {
    gate.close(new Error("reset"));
    gate.close(undefined);
    give("a");
    gate.end();
    gate.shut();
    expect(calls).toEqual(["close: reset"]);
  });

  it("resumes nothing that was not paused", () => {
    gate.resume();
    expect(calls).toEqual([]);
  });
});

describe("while paused", () => {
  beforeEach(() => gate.pause());

  it("keeps data, end and close, and gives them in a later tick", async () => {
    give("a", "b");
    gate.end();
    gate.close(new Error("reset"));
    expect(calls).toEqual([]);
    gate.resume();
    expect(calls).toEqual([]);
    await turns(1);
    expect(calls).toEqual(["a", "b", "end", "close: reset"]);
  });

  it("reads on at once where nothing is kept, and else behind it", async () => {
    gate.resume();
    expect(calls).toEqual(["read on"]);
    gate.pause();
    give("a");
    gate.resume();
    expect(calls).toEqual(["read on"]);
    give("b");
    await turns(1);
    expect(calls).toEqual(["read on", "a", "b", "read on"]);
  });

  it("tells the close where nothing is kept", () => {
    gate.close(new Error("reset"));
    expect(calls).toEqual(["close: reset"]);
  });

  it("keeps the end alone", async () => {
    gate.end();
    gate.close(undefined);
    expect(calls).toEqual([]);
    gate.resume();
    await turns(1);
    expect(calls).toEqual(["end", "close"]);
  });

  it("may be paused again before it has given anything", async () => {
    give("a");
    gate.resume();
    gate.pause();
    await turns(1);
    expect(calls).toEqual([]);
    gate.resume();
    gate.pause();
    gate.resume();
    await turns(1);
    expect(calls.filter((call) => call !== "read on")).toEqual(["a"]);
  });

  it.each([
    ["a", ["a"]],
    ["b", ["a", "b"]],
    ["end", ["a", "b", "end", "close"]],
  ])("is paused again from inside the call: %s", async (moment, first) => {
    give("a", "b");
    gate.end();
    gate.close(undefined);
    onCall = (call) => {
      if (call === moment) gate.pause();
    };
    gate.resume();
    await turns(1);
    expect(calls).toEqual(first);
    gate.resume();
    await turns(1);
    expect(calls.filter((call) => call !== "read on")).toEqual(["a", "b", "end", "close"]);
  });

  it("reads on only when resumed, where the last call has paused it", async () => {
    give("a");
    onCall = (call) => {
      if (call === "a") gate.pause();
    };
    gate.resume();
    await turns(1);
    expect(calls).toEqual(["a"]);
    gate.resume();
    expect(calls).toEqual(["a", "read on"]);
  });

  it.each(["a", "end"])("is shut from inside the call: %s", async (moment) => {
    give("a");
    gate.end();
    onCall = (call) => {
      if (call === moment) gate.shut();
    };
    gate.resume();
    await turns(1);
    expect(calls.at(-1)).toBe(moment);
    gate.close(undefined);
    expect(calls.at(-1)).toBe("close");
  });

  it("is shut: what it keeps is dropped, a kept close comes in a later tick", async () => {
    give("a");
    gate.end();
    gate.close(new Error("reset"));
    gate.shut();
    expect(calls).toEqual([]);
    await turns(1);
    expect(calls).toEqual(["close: reset"]);
  });
});
