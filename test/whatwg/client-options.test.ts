import { describe, expect, it } from "vitest";
import { type AttemptContext, type HeadersInit, nodeRuntime } from "../../src/index.js";
import { resolveOptions } from "../../src/options/resolve-options.js";
import {
  optionsOfConnections,
  optionsOfOneConnection,
  withPageFields,
} from "../../src/whatwg/client-options.js";

/** The names of all options of the client. */
function clientNames(): string[] {
  const resolved: object = resolveOptions({}, nodeRuntime);
  return Object.keys(resolved).map((name) => (name === "deflate" ? "compress" : name));
}

const neither = [
  ...["serializer", "deserializer", "schema", "schemaMode", "subprotocols"],
  ...["buffer", "autoPong", "lowWaterMark"],
];
const onlyReconnecting = [
  ...["reconnect", "retryInitial", "backoff", "shouldReconnect", "maxConnectionAge", "rotation"],
  ...["replay", "outbox", "onConnection", "setupTimeout", "tlsSessions"],
];

describe("the options", () => {
  it.each(clientNames())("%s is passed to the client, or refused by its name", (name) => {
    const one = (): unknown => optionsOfOneConnection({ [name]: 5 });
    const many = (): unknown => optionsOfConnections({ [name]: 5 });
    if (neither.includes(name)) expect(many).toThrow(`"${name}"`);
    else expect(many()).toHaveProperty(name, 5);
    if (neither.includes(name) || onlyReconnecting.includes(name)) expect(one).toThrow(`"${name}"`);
    else expect(one()).toHaveProperty(name, 5);
  });

  it("may be false or undefined if this has no effect", () => {
    for (const name of onlyReconnecting)
      for (const value of [false, undefined])
        expect(optionsOfOneConnection({ [name]: value })).toMatchObject({ reconnect: false });
    expect(() => optionsOfOneConnection({ autoPong: false })).toThrow(/autoPong/);
  });

  it("are an object; any other value is ignored", () => {
    for (const value of [undefined, null, "stray", 5])
      expect(optionsOfOneConnection(value)).toMatchObject({ reconnect: false });
  });

  it("are read once each", () => {
    let reads = 0;
    const given = {
      get headers() {
        reads++;
        return {};
      },
    };
    optionsOfOneConnection(given);
    expect(reads).toBe(1);
  });

  it("have no limit of the send buffer unless it is set", () => {
    expect(optionsOfOneConnection({}).maxBufferedAmount).toBe(Number.MAX_SAFE_INTEGER);
    expect(optionsOfOneConnection({ maxBufferedAmount: 7 }).maxBufferedAmount).toBe(7);
  });
});

describe("the fields Origin and Cookie", () => {
  const forms: readonly HeadersInit[] = [{ a: "b" }, [["a", "b"]], new Map([["a", "b"]])];

  async function added(headers: Parameters<typeof withPageFields>[0]): Promise<unknown> {
    const provider = withPageFields(headers, "https://a") as (context: AttemptContext) => Promise<unknown>;
    return provider({} as AttemptContext);
  }

  it("contain the cookies at the time of the request, unless the headers contain cookies", async () => {
    const jar: { cookies?: string } = {};
    const provide = (headers: HeadersInit): Promise<unknown> =>
      (
        withPageFields(headers, undefined, () => jar.cookies) as (context: AttemptContext) => Promise<unknown>
      )({} as AttemptContext);
    expect(await provide({ a: "b" })).toEqual([["a", "b"]]);
    jar.cookies = "c=d";
    expect(await provide({ a: "b" })).toEqual([
      ["a", "b"],
      ["Cookie", "c=d"],
    ]);
    expect(await provide({ cookie: "e=f" })).toEqual([["cookie", "e=f"]]);
  });

  it("contain the origin, with headers of each form", async () => {
    const origin = ["Origin", "https://a"];
    for (const headers of [...forms, (): HeadersInit => [["a", "b"]]])
      expect(await added(headers)).toEqual([["a", "b"], origin]);
    expect(await added(undefined)).toEqual([origin]);
  });

  it("are not added without an origin, or if they are present", async () => {
    for (const headers of forms) expect(withPageFields(headers, undefined)).toBe(headers);
    expect(await added({ ORIGIN: "null" })).toEqual([["ORIGIN", "null"]]);
  });
});
