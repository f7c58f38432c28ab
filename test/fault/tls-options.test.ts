// TLS options that cannot be used, and checkServerIdentity functions that reject the server.
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError, TimeoutError } from "../../src/index.js";
import { type Options, Scene, type RecordedClient } from "../support/scene.js";
import type { ScriptedPeer } from "../support/scripted-peer.js";
import { createTlsCertificate, type TlsCertificate } from "../support/tls-certificate.js";

let scene: Scene;
let certificate: TlsCertificate;
let server: ScriptedPeer;

beforeEach(async () => {
  scene = new Scene();
  certificate = createTlsCertificate();
  server = await scene.listen({ isSecure: true, certificate });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await scene.finish();
});

/** Resolves every name to 127.0.0.1. */
const lookup: LookupFunction = (_hostname, _options, callback) =>
  setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]);

/** Creates a client that retries at once, the first attempt included. */
function watch(tls: ConnectionOptions, options: Options = {}): RecordedClient {
  const retrying = { reconnect: true, retryInitial: true, backoff: { base: 1, floor: 0, jitter: false } };
  return scene.watch(`wss://localhost:${server.port}/`, { lookup, tls, ...retrying, ...options });
}

interface Failure {
  readonly error: ConnectionError;
  readonly attempts: number;
}

/** Connects a client that fails fatally, and returns its error and the number of attempts. */
async function giveUp(client: RecordedClient): Promise<Failure> {
  const error: unknown = await client.ws.connect().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  const { report } = await client.event("closed");
  expect(report).toMatchObject({ verdict: "tls", phase: "tls", isRetryable: false, error });
  return { error: error as ConnectionError, attempts: client.all("connecting").length };
}

/** Connects, calls `change`, and resets the connection. */
async function loseAfter(client: RecordedClient, change: () => void): Promise<void> {
  const connecting = client.ws.connect();
  const peer = await server.client();
  await peer.accept();
  await connecting;
  change();
  peer.reset();
}

const other = createTlsCertificate();
const encrypted = createPrivateKey(other.key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" })
  .toString();
const rsaKey = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const corrupt = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const unusable: [what: string, tls: ConnectionOptions, options: string][] = [
  ["a certificate that is not PEM", { cert: "no PEM", key: other.key }, "tls.cert"],
  ["a key that is not PEM", { cert: other.cert, key: "no PEM" }, "tls.key"],
  [
    "a key of another certificate",
    { cert: createTlsCertificate().cert, key: other.key },
    "tls.key and tls.cert",
  ],
  [
    "a wrong passphrase",
    { cert: other.cert, key: encrypted, passphrase: "wrong" },
    "tls.key and tls.passphrase",
  ],
  ["no passphrase", { cert: other.cert, key: encrypted }, "tls.key and tls.passphrase"],
  ["an invalid pfx", { pfx: Buffer.from("no pfx") }, "tls.pfx"],
  ["an authority that is not PEM", { ca: "no PEM" }, "tls.ca"],
  ["an authority that is corrupt", { ca: [corrupt] }, "tls.ca"],
  ["an authority of the wrong type", { ca: 5 as never }, "tls.ca"],
  ["an invalid revocation list", { crl: "no PEM" }, "tls.crl"],
  ["ciphers that do not exist", { ciphers: "NONE" }, "tls.ciphers"],
  [
    "a checkServerIdentity that is not a function",
    { checkServerIdentity: 5 as never },
    "tls.checkServerIdentity",
  ],
  ["a key of another type than the certificate", { cert: other.cert, key: rsaKey }, "tls.key"],
  ["a server name that is not a string", { servername: 5 as never }, "tls.servername"],
  ["a pskCallback that is not a function", { pskCallback: 5 as never }, "tls.pskCallback"],
  ["a secureContext that Node did not create", { secureContext: {} as never }, "tls.secureContext"],
  ["a session that is not a Buffer", { session: 5 as never }, "tls.session"],
  ["an impossible version", { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "tls.minVersion"],
  ["ALPN protocols that are no list", { ALPNProtocols: 5 as never }, "tls.ALPNProtocols"],
  ["an ALPN protocol that is too long", { ALPNProtocols: ["h".repeat(256)] }, "tls"],
  ["a size that is no number", { minDHSize: "none" as never }, "tls"],
];

describe("TLS options that Node rejects", () => {
  it.each(unusable)(
    "are fatal at the first attempt, and the error names the option: %s",
    async (_what, tls, options) => {
      const { error, attempts } = await giveUp(watch({ ca: certificate.cert, ...tls }));
      expect(attempts).toBe(1);
      expect(error.message).toContain(`Correct the option ${options}:`);
      expect(error.report).toMatchObject({ verdict: "tls", phase: "tls", isRetryable: false });
      expect(error.report?.advice).toContain(`Correct the option ${options}:`);
      expect(error.code).toMatch(/^(ERR|TLS)_/);
      expect(server.connectionCount).toBe(0);
    },
  );

  it.each(unusable)("are fatal after a successful connection too: %s", async (_what, tls) => {
    const options: ConnectionOptions = { ca: certificate.cert };
    const client = watch(options);
    await loseAfter(client, () => Object.assign(options, tls));
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "tls", isRetryable: false });
    expect(client.all("connecting")).toHaveLength(2);
    expect(client.fatalError).toBe(report.error);
  });

  it("do not include a key with its passphrase, or several authorities if one is usable", async () => {
    const tls = { ca: [corrupt, certificate.cert], cert: other.cert, key: encrypted, passphrase: "right" };
    const connecting = watch(tls).ws.connect();
    await (await server.client()).accept();
    await connecting;
  });
});

const refusing: [what: string, check: () => Error | undefined, message: string][] = [
  ["an Error without a code", () => new Error("not the pinned key"), "not the pinned key"],
  ["an Error with a code", () => Object.assign(new Error("no"), { code: "EPIN" }), "no"],
  ["a frozen Error", () => Object.freeze(new Error("frozen")), "frozen"],
  ["a JetSocketError", () => new TimeoutError("late", { operation: "connect", timeoutMs: 1 }), "late"],
  [
    "a thrown error",
    () => {
      throw new Error("thrown");
    },
    "thrown",
  ],
  [
    "a thrown string",
    () => {
      throw JSON.parse('"thrown text"');
    },
    "thrown text",
  ],
  ["a value that is not an Error", () => "no Error" as never, "no Error"],
  [
    "a promise",
    () => Promise.reject(new Error("late")) as never,
    "must return undefined or an Error synchronously",
  ],
];

describe("a checkServerIdentity that rejects the server", () => {
  it.each(refusing)("is fatal before the first successful connection: %s", async (_what, check, message) => {
    const { error, attempts } = await giveUp(watch({ ca: certificate.cert, checkServerIdentity: check }));
    expect(attempts).toBe(1);
    expect(error.message).toContain(message);
    expect(error.message).toContain("tls.checkServerIdentity refuses the server");
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("sets its own error as the cause", async () => {
    const refusal = Object.assign(new Error("no"), { code: "EPIN" });
    const { error } = await giveUp(watch({ ca: certificate.cert, checkServerIdentity: () => refusal }));
    expect(error).toMatchObject({ code: "EPIN", cause: refusal });
  });

  it.each(refusing)("is retried after the first successful connection: %s", async (_what, check) => {
    let isRefusing = false;
    const options: ConnectionOptions = {
      ca: certificate.cert,
      checkServerIdentity: () => (isRefusing ? check() : undefined),
    };
    const client = watch(options);
    await loseAfter(client, () => (isRefusing = true));
    await client.until(() => client.all("connecting").length === 4);
    const recorded = client.all("error").map(({ error }) => error as Partial<ConnectionError>);
    expect(recorded.length).toBeGreaterThanOrEqual(2);
    for (const { report } of recorded) expect(report).toMatchObject({ verdict: "tls", isRetryable: true });
    isRefusing = false;
    await (await server.client()).accept();
    await client.until(() => client.ws.state === "connected");
  });

  it.each<[what: string, result: () => Error | undefined]>([
    ["accepts", () => undefined],
    ["refuses", () => new Error("no")],
  ])("may end the client, and then %s the server", async (_what, result) => {
    const client: RecordedClient = watch({
      ca: certificate.cert,
      checkServerIdentity: () => {
        client.ws.terminate();
        return result();
      },
    });
    await expect(client.ws.connect()).rejects.toThrow("closed by this client");
    expect(client.ws.lastReport).toMatchObject({ verdict: "closed-by-us", phase: "tls", tls: undefined });
  });

  it("is not called with rejectUnauthorized: false, as in Node", async () => {
    const fail = (): never => {
      throw new Error("thrown");
    };
    const connecting = watch({ rejectUnauthorized: false, checkServerIdentity: fail }).ws.connect();
    await (await server.client()).accept();
    await connecting;
  });

  it("is called with the host and the certificate, and with its options as `this`", async () => {
    const seen: unknown[] = [];
    const options: ConnectionOptions = {
      ca: certificate.cert,
      checkServerIdentity(host, { subject }) {
        seen.push(this, host, subject);
        return undefined;
      },
    };
    const connecting = watch(options).ws.connect();
    await (await server.client()).accept();
    await connecting;
    expect(seen).toEqual([options, "localhost", expect.any(Object)]);
  });
});

describe("the advice about a certificate names the option", () => {
  it("tls.ca if the authority is not trusted", async () => {
    expect((await giveUp(watch({}))).error.message).toContain("in tls.ca");
  });

  it("tls.servername if the certificate is for another host name", async () => {
    certificate = createTlsCertificate({ hosts: ["elsewhere.test"] });
    server = await scene.listen({ isSecure: true, certificate });
    expect((await giveUp(watch({ ca: certificate.cert }))).error.message).toContain("set tls.servername");
  });
});
