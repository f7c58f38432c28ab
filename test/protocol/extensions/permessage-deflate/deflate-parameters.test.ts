import { describe, expect, it } from "vitest";
import {
  checkDeflateOptions,
  type DeflateOptions,
  parseDeflateParameters,
  windowBitsOf,
  writeDeflateParameters,
} from "../../../../protocol/extensions/permessage-deflate/deflate-parameters.js";
import type { ExtensionParameter } from "../../../../protocol/extensions/extension.js";

const none = { noContextTakeover: false, maxWindowBits: undefined };

describe("checkDeflateOptions", () => {
  it.each<DeflateOptions>([
    {},
    { level: -1, memLevel: 1, windowBits: 8, peerWindowBits: 15 },
    { level: 0, memLevel: 9, windowBits: 15, peerWindowBits: 8 },
    { level: 9, noContextTakeover: true, peerNoContextTakeover: false },
    { level: undefined, memLevel: undefined, windowBits: undefined, peerWindowBits: undefined },
    { noContextTakeover: undefined, peerNoContextTakeover: undefined },
  ])("accepts %o", (options) => {
    expect(() => checkDeflateOptions(options)).not.toThrow();
  });

  it.each<[string, unknown, ErrorConstructor, string]>([
    ["level", -2, RangeError, "-2"],
    ["level", 10, RangeError, "10"],
    ["level", 1.5, RangeError, "1.5"],
    ["level", "6", TypeError, '"6"'],
    ["memLevel", 0, RangeError, "0"],
    ["memLevel", 10, RangeError, "10"],
    ["memLevel", null, TypeError, "null"],
    ["windowBits", 7, RangeError, "7"],
    ["windowBits", 16, RangeError, "16"],
    ["windowBits", NaN, RangeError, "NaN"],
    ["windowBits", true, TypeError, "true"],
    ["peerWindowBits", 7, RangeError, "7"],
    ["peerWindowBits", 16, RangeError, "16"],
    ["peerWindowBits", "15", TypeError, '"15"'],
    ["noContextTakeover", 1, TypeError, "1"],
    ["noContextTakeover", "yes", TypeError, '"yes"'],
    ["peerNoContextTakeover", 0, TypeError, "0"],
  ])("throws for %s: %o", (name, value, type, shown) => {
    const check = () => checkDeflateOptions({ [name]: value });
    expect(check).toThrow(type);
    expect(check).toThrow(new RegExp(`^${name} must be .*, got ${shown}$`));
  });
});

describe("parseDeflateParameters", () => {
  it("accepts an empty list", () => {
    expect(parseDeflateParameters([], "offer")).toEqual({ server: none, client: none });
    expect(parseDeflateParameters([], "answer")).toEqual({ server: none, client: none });
  });

  it.each(["offer", "answer"] as const)("parses all four parameters in any order (%s)", (kind) => {
    const parameters: ExtensionParameter[] = [
      ["client_max_window_bits", "8"],
      ["server_no_context_takeover", true],
      ["server_max_window_bits", "15"],
      ["client_no_context_takeover", true],
    ];
    const expected = {
      server: { noContextTakeover: true, maxWindowBits: 15 },
      client: { noContextTakeover: true, maxWindowBits: 8 },
    };
    expect(parseDeflateParameters(parameters, kind)).toEqual(expected);
    expect(parseDeflateParameters(parameters.reverse(), kind)).toEqual(expected);
  });

  it.each(["8", "9", "10", "11", "12", "13", "14", "15"])("accepts %s bits", (bits) => {
    for (const sender of ["server", "client"] as const) {
      const parsed = parseDeflateParameters([[`${sender}_max_window_bits`, bits]], "answer");
      expect(parsed).toMatchObject({ [sender]: { maxWindowBits: Number(bits) } });
    }
  });

  it("accepts client_max_window_bits without a value only in an offer", () => {
    const parameters: ExtensionParameter[] = [["client_max_window_bits", true]];
    expect(parseDeflateParameters(parameters, "offer")).toMatchObject({ client: { maxWindowBits: true } });
    expect(parseDeflateParameters(parameters, "answer")).toBe("client_max_window_bits has no value");
  });

  const badBits = ["", "0", "7", "16", "08", "8 ", " 8", "8.0", "1e1", "0x9", "-8", "+8", "10,", "९", "ten"];
  const bad: ExtensionParameter[][] = [
    ...badBits.flatMap((bits): ExtensionParameter[][] => [
      [["server_max_window_bits", bits]],
      [["client_max_window_bits", bits]],
    ]),
    [["server_max_window_bits", true]],
    [["server_no_context_takeover", ""]],
    [["server_no_context_takeover", "true"]],
    [["client_no_context_takeover", "1"]],
    [["unknown", true]],
    [["unknown", "1"]],
    [["Server_No_Context_Takeover", true]],
    [["toString", true]],
    [
      ["server_no_context_takeover", true],
      ["server_no_context_takeover", true],
    ],
    [
      ["client_max_window_bits", "10"],
      ["client_max_window_bits", "10"],
    ],
    [
      ["server_max_window_bits", "10"],
      ["client_max_window_bits", "11"],
      ["server_max_window_bits", "12"],
    ],
  ];

  it.each(bad)("returns a fault for %j %j %j", (...parameters) => {
    const name = parameters.at(-1)![0];
    for (const kind of ["offer", "answer"] as const) {
      expect(parseDeflateParameters(parameters, kind)).toEqual(expect.stringContaining(name));
    }
  });
});

describe("writeDeflateParameters", () => {
  it("writes the name and the parameters that are set", () => {
    expect(writeDeflateParameters({ server: none, client: none })).toBe("permessage-deflate");
    expect(writeDeflateParameters({ server: none, client: { ...none, maxWindowBits: true } })).toBe(
      "permessage-deflate; client_max_window_bits",
    );
    const server = { noContextTakeover: true, maxWindowBits: 9 };
    const client = { noContextTakeover: true, maxWindowBits: 15 };
    expect(writeDeflateParameters({ server, client })).toBe(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
        "server_max_window_bits=9; client_max_window_bits=15",
    );
  });
});

it("windowBitsOf returns the largest window if there is no limit", () => {
  expect([9, true, undefined].map((bits) => windowBitsOf(bits as number | true | undefined))).toEqual([
    9, 15, 15,
  ]);
});
