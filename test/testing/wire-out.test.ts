import { describe, expect, it } from "vitest";
import { WireOut } from "../../src/testing/wire-out.js";
import { RecordingStream } from "../support/recording-stream.js";

class Scene {
  readonly stream = new RecordingStream();
  readonly out = new WireOut(this.stream);

  write(...texts: readonly string[]): void {
    for (const text of texts) this.out.write(Buffer.from(text));
  }

  /** Completes all writes and returns all calls of the stream. */
  finish(): readonly string[] {
    return this.stream.completeAll();
  }
}

describe("write()", () => {
  it("passes one write at a time to the stream, in order", () => {
    const scene = new Scene();
    scene.write("first", "second", "third");
    expect(scene.stream.calls).toEqual(["first"]);
    scene.stream.complete();
    expect(scene.stream.calls).toEqual(["first", "second"]);
    expect(scene.finish()).toEqual(["first", "second", "third"]);
  });

  it("passes nothing to the stream for no bytes", () => {
    const scene = new Scene();
    scene.write("", "");
    expect(scene.stream.calls).toEqual([]);
    scene.write("next");
    expect(scene.finish()).toEqual(["next"]);
  });

  it("writes again after everything was written", () => {
    const scene = new Scene();
    scene.write("first");
    scene.finish();
    scene.write("second");
    expect(scene.finish()).toEqual(["first", "second"]);
  });
});

describe("splitBy()", () => {
  it.each([
    [1, ["a", "b", "c", "d", "e"]],
    [2, ["ab", "cd", "e"]],
    [4, ["abcd", "e"]],
    [5, ["abcde"]],
    [6, ["abcde"]],
  ])("divides five bytes into pieces of %i", (size, expected) => {
    const scene = new Scene();
    scene.out.splitBy(size);
    scene.write("abcde");
    expect(scene.finish()).toEqual(expected);
  });

  it("does not join writes and affects only later ones", () => {
    const scene = new Scene();
    scene.write("whole");
    scene.out.splitBy(2);
    scene.write("abc", "def");
    scene.out.splitBy(Infinity);
    scene.write("whole again");
    expect(scene.finish()).toEqual(["whole", "ab", "c", "de", "f", "whole again"]);
  });
});

describe("join()", () => {
  it("passes everything that is written inside as one write", () => {
    const scene = new Scene();
    scene.out.join(() => scene.write("a", "b", "c"));
    expect(scene.finish()).toEqual(["abc"]);
  });

  it("waits for earlier writes", () => {
    const scene = new Scene();
    scene.write("first");
    scene.out.join(() => scene.write("a", "b"));
    expect(scene.stream.calls).toEqual(["first"]);
    expect(scene.finish()).toEqual(["first", "ab"]);
  });

  it("divides the joined bytes by splitBy()", () => {
    const scene = new Scene();
    scene.out.splitBy(2);
    scene.out.join(() => scene.write("a", "b", "c"));
    expect(scene.finish()).toEqual(["ab", "c"]);
  });

  it("writes nothing if nothing is written inside", () => {
    const scene = new Scene();
    scene.out.join(() => undefined);
    expect(scene.finish()).toEqual([]);
  });

  it("writes what was written before an error, and throws the error", () => {
    const scene = new Scene();
    const run = (): void =>
      scene.out.join(() => {
        scene.write("a");
        throw new Error("thrown inside");
      });
    expect(run).toThrow("thrown inside");
    scene.write("b");
    expect(scene.finish()).toEqual(["a", "b"]);
  });

  it("contains another join()", () => {
    const scene = new Scene();
    scene.out.join(() => {
      scene.write("a");
      scene.out.join(() => scene.write("b"));
      scene.write("c");
    });
    expect(scene.finish()).toEqual(["abc"]);
  });

  it.each([
    ["an end", "end", "(end)"],
    ["a reset", "reset", "(reset)"],
  ] as const)("is followed by %s that happens inside, and later writes are discarded", (_, name, call) => {
    const scene = new Scene();
    scene.out.join(() => {
      scene.write("a", "b");
      scene.out[name]();
      scene.write("c");
    });
    expect(scene.finish()).toEqual(["ab", call]);
  });
});

describe("end()", () => {
  it("ends the stream after the writes before it", () => {
    const scene = new Scene();
    scene.write("first", "second");
    scene.out.end();
    expect(scene.stream.calls).toEqual(["first"]);
    expect(scene.finish()).toEqual(["first", "second", "(end)"]);
  });

  it("ends the stream at once if nothing is left to write", () => {
    const scene = new Scene();
    scene.out.end();
    expect(scene.stream.calls).toEqual(["(end)"]);
  });

  it("ends the stream once and discards later writes", () => {
    const scene = new Scene();
    scene.write("first");
    scene.out.end();
    scene.write("second");
    scene.out.end();
    scene.finish();
    scene.out.end();
    scene.write("third");
    expect(scene.finish()).toEqual(["first", "(end)"]);
  });
});

describe("reset()", () => {
  it("resets the stream after the writes before it, once", () => {
    const scene = new Scene();
    scene.write("first", "second");
    scene.out.reset();
    scene.write("third");
    scene.out.reset();
    expect(scene.stream.calls).toEqual(["first"]);
    expect(scene.finish()).toEqual(["first", "second", "(reset)"]);
    scene.out.reset();
    expect(scene.stream.calls).toHaveLength(3);
  });

  it("resets the stream at once if nothing is left to write", () => {
    const scene = new Scene();
    scene.out.reset();
    expect(scene.stream.calls).toEqual(["(reset)"]);
  });

  it("replaces an end that was not sent yet", () => {
    const scene = new Scene();
    scene.write("first");
    scene.out.end();
    scene.out.reset();
    expect(scene.finish()).toEqual(["first", "(reset)"]);
  });

  it("resets the stream after its end", () => {
    const scene = new Scene();
    scene.out.end();
    scene.out.reset();
    expect(scene.stream.calls).toEqual(["(end)", "(reset)"]);
  });

  it("prevents a later end", () => {
    const scene = new Scene();
    scene.out.reset();
    scene.out.end();
    expect(scene.stream.calls).toEqual(["(reset)"]);
  });
});

describe("resetAfter()", () => {
  it.each([
    [1, ["a", "(reset)"]],
    [2, ["ab", "(reset)"]],
    [3, ["abc", "(reset)"]],
    [4, ["abc", "d", "(reset)"]],
    [6, ["abc", "def", "(reset)"]],
    [7, ["abc", "def"]],
  ])("resets the stream after %i of six bytes", (size, expected) => {
    const scene = new Scene();
    scene.out.resetAfter(size);
    scene.write("abc", "def");
    expect(scene.finish()).toEqual(expected);
  });

  it("waits until the last allowed bytes have been sent", () => {
    const scene = new Scene();
    scene.out.resetAfter(3);
    scene.write("abc", "def");
    expect(scene.stream.calls).toEqual(["abc"]);
    scene.stream.complete();
    expect(scene.stream.calls).toEqual(["abc", "(reset)"]);
  });

  it("counts only bytes that the stream did not get before", () => {
    const scene = new Scene();
    scene.write("abc", "def");
    scene.out.resetAfter(2);
    expect(scene.finish()).toEqual(["abc", "de", "(reset)"]);
  });

  it("counts the bytes of all pieces", () => {
    const scene = new Scene();
    scene.out.splitBy(2);
    scene.out.resetAfter(5);
    scene.write("abcdef");
    expect(scene.finish()).toEqual(["ab", "cd", "e", "(reset)"]);
  });

  it("resets at once for 0 bytes, or after the write that is not complete", () => {
    const idle = new Scene();
    idle.out.resetAfter(0);
    idle.write("abc");
    expect(idle.stream.calls).toEqual(["(reset)"]);

    const writing = new Scene();
    writing.write("abc", "def");
    writing.out.resetAfter(0);
    expect(writing.stream.calls).toEqual(["abc"]);
    expect(writing.finish()).toEqual(["abc", "(reset)"]);
  });

  it("takes precedence over an end", () => {
    const scene = new Scene();
    scene.out.resetAfter(3);
    scene.write("abc");
    scene.out.end();
    expect(scene.finish()).toEqual(["abc", "(reset)"]);
  });
});

describe("shut()", () => {
  it("discards queued and later writes, the end and the reset", () => {
    const scene = new Scene();
    scene.write("first", "second");
    scene.out.shut();
    scene.write("third");
    scene.out.end();
    scene.out.reset();
    scene.out.resetAfter(0);
    expect(scene.finish()).toEqual(["first"]);
  });

  it("discards an end and a reset that wait for a write", () => {
    for (const stop of ["end", "reset"] as const) {
      const scene = new Scene();
      scene.write("first");
      scene.out[stop]();
      scene.out.shut();
      expect(scene.finish()).toEqual(["first"]);
    }
  });
});
