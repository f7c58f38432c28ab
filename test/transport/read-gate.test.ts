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
    { continueReading: () => record("drained") },
  );
});

/** Passes data to the gate in a buffer that is reused, and delivers the data that the gate does not withhold. */
function emitData(...pieces: string[]): void {
  const buffer = Buffer.alloc(8);
  for (const piece of pieces)
    if (!gate.withholds(buffer, buffer.write(piece))) {
      calls.push(piece);
      onCall(piece);
    }
}

describe("ReadGate", () => {
  describe("while open", () => {
    it("passes all events immediately", () => {
      emitData("a", "", "b");
      gate.end();
      gate.close(undefined);
      expect(calls).toEqual(["a", "b", "end", "close"]);
    });

    it("emits close once, and nothing after it", () => {
      gate.close(new Error("reset"));
      gate.close(undefined);
      emitData("a");
      gate.end();
      gate.shut();
      expect(calls).toEqual(["close: reset"]);
    });

    it("ignores resume() if it is not paused", () => {
      gate.resume();
      expect(calls).toEqual([]);
    });
  });

  describe("while paused", () => {
    beforeEach(() => gate.pause());

    it("buffers data, end and close, and emits them in a later tick after resume()", async () => {
      emitData("a", "b");
      gate.end();
      gate.close(new Error("reset"));
      expect(calls).toEqual([]);
      gate.resume();
      expect(calls).toEqual([]);
      await turns(1);
      expect(calls).toEqual(["a", "b", "end", "close: reset"]);
    });

    it("continues reading immediately if nothing is buffered, otherwise after the buffered data", async () => {
      gate.resume();
      expect(calls).toEqual(["drained"]);
      gate.pause();
      emitData("a");
      gate.resume();
      expect(calls).toEqual(["drained"]);
      emitData("b");
      await turns(1);
      expect(calls).toEqual(["drained", "a", "b", "drained"]);
    });

    it("emits close if nothing is buffered", () => {
      gate.close(new Error("reset"));
      expect(calls).toEqual(["close: reset"]);
    });

    it("buffers an end without data", async () => {
      gate.end();
      gate.close(undefined);
      expect(calls).toEqual([]);
      gate.resume();
      await turns(1);
      expect(calls).toEqual(["end", "close"]);
    });

    it("may be paused again before it has emitted anything", async () => {
      emitData("a");
      gate.resume();
      gate.pause();
      await turns(1);
      expect(calls).toEqual([]);
      gate.resume();
      gate.pause();
      gate.resume();
      await turns(1);
      expect(calls.filter((call) => call !== "drained")).toEqual(["a"]);
    });

    it.each([
      ["a", ["a"]],
      ["b", ["a", "b"]],
      ["end", ["a", "b", "end", "close"]],
    ])("may be paused again during the call: %s", async (moment, first) => {
      emitData("a", "b");
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
      expect(calls.filter((call) => call !== "drained")).toEqual(["a", "b", "end", "close"]);
    });

    it("continues reading only after resume() if the last call has paused it", async () => {
      emitData("a");
      onCall = (call) => {
        if (call === "a") gate.pause();
      };
      gate.resume();
      await turns(1);
      expect(calls).toEqual(["a"]);
      gate.resume();
      expect(calls).toEqual(["a", "drained"]);
    });

    it.each(["a", "end"])("may be shut during the call: %s", async (moment) => {
      emitData("a");
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

    it("discards buffered data when it is shut, and emits a buffered close in a later tick", async () => {
      emitData("a");
      gate.end();
      gate.close(new Error("reset"));
      gate.shut();
      expect(calls).toEqual([]);
      await turns(1);
      expect(calls).toEqual(["close: reset"]);
    });
  });
});
