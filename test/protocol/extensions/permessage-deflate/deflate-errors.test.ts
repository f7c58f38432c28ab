import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.js";
import {
  inflatesTooBig,
  invalidDeflateData,
  tooManyBlocks,
} from "../../../../protocol/extensions/permessage-deflate/deflate-errors.js";

describe("invalidDeflateData", () => {
  it("names the reason and closes with 1007", () => {
    const error = invalidDeflateData("it ends inside a block");
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
    expect(error.message).toBe(
      "The peer sent a compressed message that is not valid DEFLATE data: it ends inside a block.",
    );
  });

  it("has the given cause, and no property `cause` if none is given", () => {
    const cause = new Error("invalid distance code");
    expect(invalidDeflateData("reason", cause).cause).toBe(cause);
    expect(Object.hasOwn(invalidDeflateData("reason"), "cause")).toBe(false);
  });
});

describe("inflatesTooBig", () => {
  it.each([0, 1, 1024 * 1024])("names the limit of %i bytes and the option that raises it", (limit) => {
    const error = inflatesTooBig(limit);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", closeCode: 1009 });
    expect(error.message).toBe(
      `The peer sent a compressed message of more than ${limit} bytes after decompression. ` +
        "Raise maxMessageSize if messages of this size are expected.",
    );
  });
});

describe("tooManyBlocks", () => {
  it("closes with 1008, names the sizes and does not advise to raise maxMessageSize", () => {
    const error = tooManyBlocks(300_000, 7);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
    expect(error.message).toContain("its first 300000 bytes contain only 7 bytes of data");
    expect(error.message).not.toContain("maxMessageSize");
  });
});
