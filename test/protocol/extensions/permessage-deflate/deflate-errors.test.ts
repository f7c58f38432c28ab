import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.js";
import {
  inflatesTooBig,
  invalidDeflateData,
  tooManyFinalBlocks,
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

describe("tooManyFinalBlocks", () => {
  it("closes with 1009 and does not advise to raise maxMessageSize", () => {
    const error = tooManyFinalBlocks();
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", closeCode: 1009 });
    expect(error.message).toContain("too many final blocks");
    expect(error.message).not.toContain("maxMessageSize");
  });
});
