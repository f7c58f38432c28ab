// Failures of TLS with real servers: the code, the verdict, the retry rule and the advice of each. The names of the
// tests are the table.
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CloseReport, ConnectionError } from "../../src/index.js";
import { RawServer, type RawServerOptions } from "../support/raw-server.js";
import { type RecordedClient, Scene } from "../support/scene.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

const authority = createTlsCertificate({ subject: "authority", hosts: [], hasKeyIds: true });
/** Has the same name as the authority, and another key, as after its renewal. */
const renewed = createTlsCertificate({ subject: "authority", hosts: [], hasKeyIds: true });
const stranger = createTlsCertificate({ subject: "stranger", hosts: [] });
const certificate = createTlsCertificate({ issuer: authority });
const client = createTlsCertificate({ issuer: authority, usage: "client" });
const strange = createTlsCertificate({ issuer: stranger, usage: "client" });
const leaf = createTlsCertificate({ issuer: stranger });
/** A certificate of a server, followed by that of its authority. */
const chained = { key: leaf.key, cert: leaf.cert + stranger.cert };
const past = { notBefore: new Date(0), notAfter: new Date(86_400_000) };
const future = { notBefore: new Date(Date.now() + 86_400_000), notAfter: new Date(Date.now() + 172_800_000) };

const ca = authority.cert;
const only = (version: "TLSv1.2" | "TLSv1.3") => ({ minVersion: version, maxVersion: version }) as const;
const http = "HTTP/1.1 400 Bad Request\r\n\r\n";

interface Case {
  readonly what: string;
  /** Options of a TLS server, or the answer of a server without TLS to the first bytes. */
  readonly server: RawServerOptions | ((socket: Socket) => void);
  readonly tls?: ConnectionOptions;
  readonly code: string;
  /** A part of the advice. */
  readonly advice: string;
  /** `fatal`: before the first success. Every failure but those that are `always` fatal is retried after it. */
  readonly retry: "fatal" | "retried" | "always fatal";
  readonly phase?: "tls" | "http";
}

const cases: readonly Case[] = [
  {
    what: "the certificate has expired",
    server: { certificate: createTlsCertificate({ ...past, issuer: authority }) },
    code: "CERT_HAS_EXPIRED",
    advice: "tls.ca",
    retry: "fatal",
  },
  {
    what: "the certificate is not valid yet",
    server: { certificate: createTlsCertificate({ ...future, issuer: authority }) },
    code: "CERT_NOT_YET_VALID",
    advice: "tls.ca",
    retry: "fatal",
  },
  {
    what: "the certificate is for another host",
    server: { certificate: createTlsCertificate({ hosts: ["elsewhere.test"], issuer: authority }) },
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    advice: "tls.servername",
    retry: "fatal",
  },
  {
    what: "the certificate is self-signed",
    server: { certificate: createTlsCertificate() },
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    advice: "self-signed; if it is the expected one, set it in tls.ca",
    retry: "fatal",
  },
  {
    what: "the authority is unknown",
    server: { certificate: createTlsCertificate({ issuer: stranger }) },
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    advice: "untrusted authority; set that authority in tls.ca",
    retry: "fatal",
  },
  {
    what: "the authority is unknown, and the server sends its certificate too",
    server: { certificate: chained },
    code: "SELF_SIGNED_CERT_IN_CHAIN",
    advice: "untrusted authority; set that authority in tls.ca",
    retry: "fatal",
  },
  {
    what: "the authority has a new key and a new certificate after a deployment",
    server: { certificate: createTlsCertificate({ issuer: renewed, hasKeyIds: true }) },
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    advice: "untrusted authority; set that authority in tls.ca",
    retry: "fatal",
  },
  {
    what: "the authority has a new key after a deployment, and its certificates identify no keys",
    server: { certificate: createTlsCertificate({ issuer: renewed }) },
    code: "CERT_SIGNATURE_FAILURE",
    advice: "before the old one",
    retry: "fatal",
  },
  {
    what: "the certificate is for clients",
    server: { certificate: client },
    code: "INVALID_PURPOSE",
    advice: "not for servers; replace it, or set tls.servername",
    retry: "fatal",
  },
  ...(["TLSv1.2", "TLSv1.3"] as const).flatMap((version): Case[] => [
    {
      what: `the client certificate is missing (${version})`,
      server: { clientCa: ca, tls: only(version) },
      code: "TLS_CLIENT_CERTIFICATE_REQUIRED",
      advice: "requires a client certificate; set tls.cert and tls.key",
      retry: "fatal",
      phase: version === "TLSv1.2" ? "tls" : "http",
    },
    {
      what: `the client certificate is of an unknown authority (${version})`,
      server: { clientCa: ca, tls: only(version) },
      tls: { cert: strange.cert, key: strange.key },
      code: "TLS_CLIENT_CERTIFICATE_REFUSED",
      advice: "rejects the client certificate; set another one in tls.cert and tls.key",
      retry: "fatal",
      phase: version === "TLSv1.2" ? "tls" : "http",
    },
    {
      what: `the protocol is refused (${version})`,
      server: { protocols: ["h2"], tls: only(version) },
      code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
      advice: "tls.ALPNProtocols",
      retry: "fatal",
    },
  ]),
  {
    what: "the key does not fit the client certificate",
    server: {},
    tls: { cert: client.cert, key: strange.key },
    code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH",
    advice: "Correct the option tls.key and tls.cert",
    retry: "always fatal",
  },
  {
    what: "the client certificate is not PEM",
    server: {},
    tls: { cert: "none", key: client.key },
    code: "ERR_OSSL_PEM_NO_START_LINE",
    advice: "Correct the option tls.cert",
    retry: "always fatal",
  },
  {
    what: "the server refuses an old version",
    server: { tls: only("TLSv1.3") },
    tls: only("TLSv1.2"),
    code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    advice: "tls.minVersion and tls.maxVersion",
    retry: "fatal",
  },
  {
    what: "the server refuses a new version",
    server: { tls: only("TLSv1.2") },
    tls: only("TLSv1.3"),
    code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    advice: "tls.minVersion and tls.maxVersion",
    retry: "fatal",
  },
  {
    what: "no cipher suite is common",
    server: { tls: { ...only("TLSv1.2"), ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" } },
    tls: { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
    code: "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    advice: "tls.ciphers",
    retry: "fatal",
  },
  {
    what: "the server uses plain HTTP",
    server: (socket) => socket.end(http),
    code: "ERR_SSL_WRONG_VERSION_NUMBER",
    advice: "ws: URL",
    retry: "retried",
  },
  {
    what: "the server ends the stream inside the handshake",
    server: (socket) => socket.end(),
    code: "ECONNRESET",
    advice: "ends the TLS handshake",
    retry: "retried",
  },
  {
    what: "the server resets the stream inside the handshake",
    server: (socket) => socket.resetAndDestroy(),
    code: "ECONNRESET",
    advice: "ends the TLS handshake",
    retry: "retried",
  },
];

let scene: Scene;
let servers: RawServer[];

beforeEach(() => {
  scene = new Scene();
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await scene.finish();
});

/** Starts the server of a case. */
async function listen({ server: given }: Case): Promise<RawServer> {
  const isPlain = typeof given === "function";
  const server = new RawServer(isPlain ? {} : { isSecure: true, certificate, ...given });
  servers.push(server);
  server.play(isPlain ? (socket) => socket.once("data", () => given(socket)) : () => undefined);
  return server.listen();
}

/** Creates a client that retries at once, also before the first success. */
function watch(port: () => number, tls: ConnectionOptions): RecordedClient {
  const retrying = { reconnect: true, retryInitial: true, backoff: { base: 1, floor: 0, jitter: false } };
  return scene.watch(() => `wss://localhost:${port()}/`, { tls, ...retrying });
}

/** The reports of the failures so far, the fatal one included. */
function failuresOf(client: RecordedClient): CloseReport[] {
  return client.all("error").map(({ error }) => {
    expect(error).toBeInstanceOf(ConnectionError);
    return (error as { readonly report?: CloseReport }).report!;
  });
}

function check(report: CloseReport, { code, advice, phase = "tls" }: Case, isRetryable: boolean): void {
  expect(report).toMatchObject({ verdict: "tls", phase, isRetryable, error: { code } });
  expect(report.advice).toContain(advice);
  expect(report.error?.message).toContain(report.advice);
  expect(report.error?.message).not.toMatch(/:error:|ssl\/|routines/);
}

/** A row of the table. The format `$what` would shorten it. */
const rows = cases.map(
  (one) => [`${one.what} | ${one.code} | tls | ${one.retry} | ${one.advice}`, one] as const,
);

describe.each(rows)("%s", (_row, one) => {
  it("before the first success", async () => {
    const { port } = await listen(one);
    const client = watch(() => port, { ca, ...one.tls });
    const connecting = client.ws.connect().catch((error: unknown) => error);
    if (one.retry === "retried") {
      await client.until(() => client.all("error").length >= 3);
      client.ws.terminate();
      await connecting;
    } else {
      await connecting;
      expect(client.all("connecting")).toHaveLength(1);
      expect(client.ws.state).toBe("failed");
    }
    for (const report of failuresOf(client)) check(report, one, one.retry === "retried");
    expect(failuresOf(client).length).toBeGreaterThan(0);
  });

  it("after the first success", async () => {
    const good = await scene.listen({ isSecure: true, certificate });
    const bad = await listen(one);
    let { port } = good;
    const tls: ConnectionOptions = { ca };
    const client = watch(() => port, tls);
    const connecting = client.ws.connect();
    const peer = await good.client();
    await peer.accept();
    await connecting;
    Object.assign(tls, one.tls);
    ({ port } = bad);
    peer.end();
    if (one.retry === "always fatal") await client.until(() => client.ws.state === "failed");
    else await client.until(() => failuresOf(client).length >= 3);
    const failures = failuresOf(client).filter(({ phase }) => phase !== "open");
    for (const report of failures) check(report, one, one.retry !== "always fatal");
    expect(failures.length).toBeGreaterThan(0);
  });
});

describe("while an authority changes its key", () => {
  it.each([true, false])(
    "its new and its old certificate in tls.ca are both used (key ids: %s)",
    async (hasKeyIds) => {
      const [old, next] = [1, 2].map(() =>
        createTlsCertificate({ subject: "authority", hosts: [], hasKeyIds }),
      );
      // Without identifiers of keys, OpenSSL only tries the first of the two.
      for (const issuer of hasKeyIds ? [old!, next!] : [next!]) {
        const certificate = createTlsCertificate({ issuer, hasKeyIds });
        const server = await scene.listen({ isSecure: true, certificate });
        const client = watch(() => server.port, { ca: [next!.cert, old!.cert] });
        const connecting = client.ws.connect();
        await (await server.client()).accept();
        await connecting;
      }
    },
  );
});
