import { describe, expect, it } from "vitest";
import { InvalidStateError } from "../../../../protocol/errors.js";
import type {
  Deflater,
  InflatedSink,
  Inflater,
} from "../../../../protocol/extensions/permessage-deflate/codec.js";
import {
  LeasedDeflater,
  LeasedInflater,
  SharedCodec,
} from "../../../../protocol/extensions/permessage-deflate/codec-lease.js";

const sink: InflatedSink = { onInflated: () => {} };
const result = Buffer.from("result");

/** Records the calls of the codecs it creates. */
class Recorder {
  readonly calls: unknown[][] = [];
  readonly #supportsPieces: boolean;
  #count = 0;

  constructor(supportsPieces: boolean = true) {
    this.#supportsPieces = supportsPieces;
  }

  readonly makeInflater = (): Inflater => {
    const codec = this.#make();
    const inflater: Inflater = {
      inflate: (...args) => {
        this.calls.push([codec, "inflate", ...args]);
        return result;
      },
      rest: () => this.calls.push([codec, "rest"]),
      close: () => this.calls.push([codec, "close"]),
    };
    if (!this.#supportsPieces) return inflater;
    return {
      ...inflater,
      inflatePieces: (...args) => {
        this.calls.push([codec, "inflatePieces", ...args]);
        return result;
      },
    };
  };

  readonly makeDeflater = (): Deflater => {
    const codec = this.#make();
    return {
      deflate: (payload) => {
        this.calls.push([codec, "deflate", payload]);
        return result;
      },
      close: () => this.calls.push([codec, "close"]),
    };
  };

  readonly onClose = (): void => {
    this.calls.push(["onClose"]);
  };

  takeCalls(): unknown[][] {
    return this.calls.splice(0);
  }

  #make(): string {
    const codec = `codec ${++this.#count}`;
    this.calls.push([codec, "make"]);
    return codec;
  }
}

describe("SharedCodec", () => {
  it("creates the codec for its first user and returns it to all others", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeDeflater);
    expect(recorder.takeCalls()).toEqual([]);
    const codec = shared.acquire();
    expect(shared.acquire()).toBe(codec);
    expect(recorder.takeCalls()).toEqual([["codec 1", "make"]]);
  });

  it("closes the codec when its last user releases it", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeDeflater);
    for (let users = 0; users < 3; users++) shared.acquire();
    recorder.takeCalls();
    shared.release();
    shared.release();
    expect(recorder.takeCalls()).toEqual([]);
    shared.release();
    expect(recorder.takeCalls()).toEqual([["codec 1", "close"]]);
  });

  it("creates a new codec for a user that comes after the last one", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeDeflater);
    const first = shared.acquire();
    shared.release();
    expect(shared.acquire()).not.toBe(first);
    shared.release();
    expect(recorder.takeCalls().map((call) => call.join(" "))).toEqual([
      "codec 1 make",
      "codec 1 close",
      "codec 2 make",
      "codec 2 close",
    ]);
  });

  it("does not count a user whose codec could not be created", () => {
    const recorder = new Recorder();
    let canMake = false;
    const shared = new SharedCodec(() => {
      if (!canMake) throw new Error("no memory");
      return recorder.makeDeflater();
    });
    expect(() => shared.acquire()).toThrow("no memory");
    canMake = true;
    shared.acquire();
    shared.release();
    expect(recorder.takeCalls().at(-1)).toEqual(["codec 1", "close"]);
  });
});

describe("LeasedInflater", () => {
  function leaseOf(recorder: Recorder, shared = new SharedCodec(recorder.makeInflater)): LeasedInflater {
    return new LeasedInflater(shared, recorder.onClose);
  }

  it("acquires the codec for its first message and passes all parameters and the result", () => {
    const recorder = new Recorder();
    const inflater = leaseOf(recorder);
    expect(recorder.takeCalls()).toEqual([]);
    const compressed = Buffer.of(1);
    expect(inflater.inflate(compressed, 9, true, sink)).toBe(result);
    expect(inflater.inflate(compressed, 8, false)).toBe(result);
    expect(recorder.takeCalls()).toEqual([
      ["codec 1", "make"],
      ["codec 1", "inflate", compressed, 9, true, sink],
      ["codec 1", "inflate", compressed, 8, false, undefined],
    ]);
  });

  it("passes pieces to a codec that supports them", () => {
    const recorder = new Recorder();
    const pieces = [Buffer.of(1), Buffer.of(2, 3)];
    expect(leaseOf(recorder).inflatePieces(pieces, 9, true, sink)).toBe(result);
    expect(recorder.takeCalls()[1]).toEqual(["codec 1", "inflatePieces", pieces, 9, true, sink]);
  });

  it("joins the pieces for a codec that does not support them", () => {
    const recorder = new Recorder(false);
    const pieces = [Buffer.of(1), Buffer.of(2, 3)];
    expect(leaseOf(recorder).inflatePieces(pieces, 9, false, sink)).toBe(result);
    expect(recorder.takeCalls()[1]).toEqual(["codec 1", "inflate", Buffer.of(1, 2, 3), 9, false, sink]);
  });

  it("passes rest() to the codec, but creates none for it", () => {
    const recorder = new Recorder();
    const inflater = leaseOf(recorder);
    inflater.rest();
    expect(recorder.takeCalls()).toEqual([]);
    inflater.inflate(Buffer.of(1), 9, true);
    recorder.takeCalls();
    inflater.rest();
    expect(recorder.takeCalls()).toEqual([["codec 1", "rest"]]);
    inflater.close();
    recorder.takeCalls();
    inflater.rest();
    expect(recorder.takeCalls()).toEqual([]);
  });

  it("closes its codec before it reports the close, and does both only once", () => {
    const recorder = new Recorder();
    const inflater = leaseOf(recorder);
    inflater.inflate(Buffer.of(1), 9, true);
    recorder.takeCalls();
    inflater.close();
    inflater.close();
    expect(recorder.takeCalls()).toEqual([["codec 1", "close"], ["onClose"]]);
  });

  it("reports the close of an inflater without a message and creates no codec", () => {
    const recorder = new Recorder();
    leaseOf(recorder).close();
    expect(recorder.takeCalls()).toEqual([["onClose"]]);
  });

  it("leaves the codec open for the other users", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeInflater);
    const [first, second, unused] = [0, 1, 2].map(() => leaseOf(recorder, shared));
    first!.inflate(Buffer.of(1), 9, true);
    second!.inflate(Buffer.of(2), 9, true);
    recorder.takeCalls();
    unused!.close();
    first!.close();
    first!.close();
    second!.inflate(Buffer.of(3), 9, true);
    expect(recorder.takeCalls()).toEqual([
      ["onClose"],
      ["onClose"],
      ["codec 1", "inflate", Buffer.of(3), 9, true, undefined],
    ]);
    second!.close();
    expect(recorder.takeCalls()).toEqual([["codec 1", "close"], ["onClose"]]);
  });

  it("throws after its close, even if other users keep the codec open", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeInflater);
    const [used, unused, other] = [0, 1, 2].map(() => leaseOf(recorder, shared));
    used!.inflate(Buffer.of(1), 9, true);
    other!.inflate(Buffer.of(1), 9, true);
    for (const inflater of [used!, unused!]) {
      inflater.close();
      for (const use of [
        () => inflater.inflate(Buffer.of(1), 9, true),
        () => inflater.inflatePieces([Buffer.of(1)], 9, true),
      ]) {
        expect(use).toThrow(InvalidStateError);
        expect(use).toThrow(
          expect.objectContaining({
            message: "The codec is closed.",
            code: "INVALID_STATE",
            state: "closed",
          }),
        );
      }
    }
    // The failed calls have acquired nothing, so the last user closes the codec.
    recorder.takeCalls();
    other!.close();
    expect(recorder.takeCalls()).toEqual([["codec 1", "close"], ["onClose"]]);
  });

  it("can be closed again inside the report of its close", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeInflater);
    const inflater: LeasedInflater = new LeasedInflater(shared, () => {
      recorder.onClose();
      inflater.close();
    });
    const other = leaseOf(recorder, shared);
    for (const each of [inflater, other]) each.inflate(Buffer.of(1), 9, true);
    recorder.takeCalls();
    inflater.close();
    expect(recorder.takeCalls()).toEqual([["onClose"]]);
  });
});

describe("LeasedDeflater", () => {
  it("acquires the codec for its first message and passes the payload and the result", () => {
    const recorder = new Recorder();
    const deflater = new LeasedDeflater(new SharedCodec(recorder.makeDeflater), recorder.onClose);
    expect(recorder.takeCalls()).toEqual([]);
    expect(deflater.deflate(Buffer.of(1))).toBe(result);
    expect(deflater.deflate(Buffer.of(2))).toBe(result);
    expect(recorder.takeCalls()).toEqual([
      ["codec 1", "make"],
      ["codec 1", "deflate", Buffer.of(1)],
      ["codec 1", "deflate", Buffer.of(2)],
    ]);
  });

  it("releases the codec once, reports the close and throws for a later message", () => {
    const recorder = new Recorder();
    const shared = new SharedCodec(recorder.makeDeflater);
    const [first, second] = [0, 1].map(() => new LeasedDeflater(shared, recorder.onClose));
    for (const deflater of [first!, second!]) deflater.deflate(Buffer.of(1));
    recorder.takeCalls();
    first!.close();
    first!.close();
    expect(recorder.takeCalls()).toEqual([["onClose"]]);
    expect(() => first!.deflate(Buffer.of(1))).toThrow(InvalidStateError);
    second!.close();
    expect(recorder.takeCalls()).toEqual([["codec 1", "close"], ["onClose"]]);
  });
});
