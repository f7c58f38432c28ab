// Parsing of the command line of the conformance run.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface Arguments {
  parseArguments(given: readonly string[]): {
    patterns: string[];
    lanes: number;
    server: string | undefined;
    tarball: string | undefined;
    entry: string;
  };
}

describe("the command line of the conformance run", () => {
  let parse: Arguments["parseArguments"];

  beforeAll(async () => {
    ({ parseArguments: parse } = await load<Arguments>("arguments.mjs"));
  });

  it("selects every case and at least two servers by default", () => {
    const { lanes, ...others } = parse([]);
    expect(others).toEqual({ patterns: ["*"], server: undefined, tarball: undefined, entry: "jetsocket" });
    expect(lanes).toBeGreaterThanOrEqual(2);
  });

  it("accepts repeated patterns, patterns separated by commas, and the other options by name", () => {
    const given = [
      "--cases",
      "6.*,7.1.6",
      "--cases=9.*",
      "--servers",
      "3",
      "--server=python",
      "--tarball",
      "x",
      "--entry=ws",
    ];
    expect(parse(given)).toEqual({
      patterns: ["6.*", "7.1.6", "9.*"],
      lanes: 3,
      server: "python",
      tarball: "x",
      entry: "ws",
    });
  });

  it.each([
    [["--servers", "0"], `--servers takes a number from 1 to 16, not "0"`],
    [["--servers", "two"], `--servers takes a number from 1 to 16, not "two"`],
    [["--server", "podman"], `--server takes docker or python, not "podman"`],
    [["--entry", "protocol"], `--entry takes jetsocket or whatwg or ws, not "protocol"`],
    [["--case", "6.*"], "--case"],
    [["6.*"], "6.*"],
  ])("rejects %j", (given, message) => {
    expect(() => parse(given)).toThrow(message);
  });
});
