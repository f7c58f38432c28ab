import { beforeEach, describe, expect, it } from "vitest";
import { Decoder, isUndecodable } from "../../../src/client/receiving/decoder.js";
import { decoded, undecoded } from "../../../src/client/receiving/received-message.js";
import { JetSocketError, ValidationError } from "../../../src/errors.js";

let calls: [data: string | Buffer, isBinary: boolean][];
let failures: [data: string | Buffer, error: JetSocketError][];

beforeEach(() => {
  calls = [];
  failures = [];
});

/** A decoder whose deserializer records its calls and then calls `deserialize`. */
function decoderOf(deserialize: (data: string | Buffer) => unknown): Decoder {
  return new Decoder(
    (data, isBinary) => {
      calls.push([data, isBinary]);
      return deserialize(data);
    },
    (data, error) => failures.push([data, error]),
  );
}

const cause = new SyntaxError("not JSON");
const fail = (): never => {
  throw cause;
};

describe("decode()", () => {
  it.each([
    ["a text", "text", false],
    ["an empty text", "", false],
    ["bytes", Buffer.from("bytes"), true],
    ["no bytes", Buffer.alloc(0), true],
  ])("passes %s to the deserializer, and whether it is binary", (_, data, isBinary) => {
    const value = {};
    expect(decoderOf(() => value).decode(data)).toBe(value);
    expect([calls, failures]).toEqual([[[data, isBinary]], []]);
  });

  it("reports the error of the deserializer once, with the message and the cause", () => {
    const data = Buffer.from("{");
    expect(isUndecodable(decoderOf(fail).decode(data))).toBe(true);
    expect(failures).toHaveLength(1);
    const [[reported, error]] = failures as [[string | Buffer, JetSocketError]];
    expect(reported).toBe(data);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error.code).toBe("DECODE_FAILED");
    expect(error.cause).toBe(cause);
    expect(error.message).toBe("The deserializer threw on a received message, which was dropped.");
  });

  it("reports a ValidationError that the deserializer throws as its error", () => {
    const own = new ValidationError("own", { code: "OWN", issues: [] });
    const decoder = decoderOf(() => {
      throw own;
    });
    decoder.decode("text");
    expect(failures[0]?.[1]).toMatchObject({ code: "DECODE_FAILED", cause: own });
  });

  it("reports a thrown value that is no Error as the cause", () => {
    const decoder = decoderOf(() => {
      throw "text" as unknown as Error;
    });
    expect(isUndecodable(decoder.decode("text"))).toBe(true);
    expect(failures[0]?.[1]).toHaveProperty("cause", "text");
  });

  it("does not catch an error of the callback that receives the failure", () => {
    const decoder = new Decoder(fail, (_data, error) => {
      throw error;
    });
    expect(() => decoder.decode("text")).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
  });
});

describe("complete()", () => {
  it("stores the value in the message and marks it as decoded", () => {
    const entry = undecoded("12", 2, 5);
    expect(decoderOf(Number).complete(entry)).toBe(true);
    expect(entry).toMatchObject({ value: 12, isDecoded: true, data: "12", size: 2, at: 5 });
  });

  it("decodes a message only once", () => {
    const entry = undecoded("12", 2, 5);
    const decoder = decoderOf(Number);
    expect([decoder.complete(entry), decoder.complete(entry)]).toEqual([true, true]);
    expect(calls).toHaveLength(1);
  });

  it("does not call the deserializer for a message of onReplay, which has no data", () => {
    const entry = decoded("value", undefined, 0, 5);
    expect(decoderOf(() => "other").complete(entry)).toBe(true);
    expect([entry.value, calls]).toEqual(["value", []]);
  });

  it("accepts undefined as a decoded value", () => {
    const entry = undecoded("text", 4, 5);
    const decoder = decoderOf(() => undefined);
    expect([decoder.complete(entry), decoder.complete(entry)]).toEqual([true, true]);
    expect([entry.isDecoded, calls.length]).toEqual([true, 1]);
  });

  it("returns false and leaves the message undecoded if the deserializer throws", () => {
    const entry = undecoded("text", 4, 5);
    expect(decoderOf(fail).complete(entry)).toBe(false);
    expect(entry).toMatchObject({ value: undefined, isDecoded: false });
    expect(failures).toEqual([["text", expect.objectContaining({ code: "DECODE_FAILED" })]]);
  });
});

describe("isUndecodable()", () => {
  it.each([undefined, null, 0, "", "undecodable", {}, Symbol("undecodable"), Symbol.for("undecodable")])(
    "is false for the value %o",
    (value) => {
      expect(isUndecodable(value)).toBe(false);
    },
  );

  it("is true only for the result of a failed decoding", () => {
    expect(isUndecodable(decoderOf(fail).decode("text"))).toBe(true);
  });
});
