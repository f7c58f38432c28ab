import type { Socket } from "node:net";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tlsWatchOf } from "../../src/transport/tls-watch.js";
import { Dialling, type Dialled } from "../support/dialling.js";
import type { RawServer, RawServerOptions } from "../support/raw-server.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(() => dialling.finish());

const authority = createTlsCertificate({ subject: "authority", hosts: [] });
const certificate = createTlsCertificate({ subject: "feed", issuer: authority });
const client = createTlsCertificate({ issuer: authority, usage: "client" });
const ca = authority.cert;
const only = (version: "TLSv1.2" | "TLSv1.3"): TlsOptions => ({ minVersion: version, maxVersion: version });

type Secured = Dialled & { readonly server: RawServer };

async function dial(tls: ConnectionOptions = {}, options: RawServerOptions = {}): Promise<Secured> {
  const server = await dialling.listen({ isSecure: true, certificate, ...options });
  return { server, ...dialTo(server, tls) };
}

function dialTo(server: RawServer, tls: ConnectionOptions = {}): Dialled {
  return dialling.dial({ host: "localhost", port: server.port, isSecure: true, tls: { ca, ...tls } });
}

describe("the details of a connection", () => {
  it.each([
    ["TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    ["TLSv1.3", "TLS_AES_256_GCM_SHA384"],
  ] as const)("contain the certificate, the version %s and the cipher suite", async (protocol, cipher) => {
    const { transport, handler } = await dial({}, { tls: only(protocol), protocols: ["http/1.1"] });
    expect(transport.tls).toBeUndefined();
    await handler.untilCall("open");
    const { tls } = transport;
    expect(tls).toEqual({
      ...{ protocol, cipher, alpn: "http/1.1", isResumed: false, isAuthorized: true },
      certificate: {
        subject: { CN: "feed" },
        issuer: { CN: "authority" },
        validFrom: expect.stringMatching(/ GMT$/) as string,
        validTo: expect.stringMatching(/ GMT$/) as string,
        fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
      },
    });
    expect(Object.isFrozen(tls) && Object.isFrozen(tls?.certificate)).toBe(true);
    transport.destroy();
    await handler.untilCall("close");
    expect(transport.tls).toBe(tls);
  });

  it("share the object of the certificate with other connections", async () => {
    const first = await dial();
    await first.handler.untilCall("open");
    const other = dialTo(first.server, { maxVersion: "TLSv1.2" });
    await other.handler.untilCall("open");
    expect(other.transport.tls).toMatchObject({ protocol: "TLSv1.2", alpn: undefined });
    expect(other.transport.tls?.certificate).toBe(first.transport.tls?.certificate);
  });

  it("may contain a certificate without a subject", async () => {
    const { transport, handler } = await dial(
      {},
      { certificate: createTlsCertificate({ subject: "", issuer: authority }) },
    );
    await handler.untilCall("open");
    expect(transport.tls?.certificate).toMatchObject({ subject: {}, issuer: { CN: "authority" } });
  });

  it("say whether the certificate was only accepted by rejectUnauthorized: false", async () => {
    const { transport, handler } = await dial({ ca: client.cert, rejectUnauthorized: false });
    await handler.untilCall("open");
    expect(transport.tls).toMatchObject({ isAuthorized: false, certificate: { subject: { CN: "feed" } } });
  });

  it("contain a certificate that is refused because of its name", async () => {
    const { transport, handler } = await dial({ servername: "elsewhere.test" });
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    expect(transport.tls).toMatchObject({ isAuthorized: false, certificate: { subject: { CN: "feed" } } });
  });

  it("are unknown if the authority is not trusted, and without TLS", async () => {
    const untrusted = await dial({ ca: client.cert });
    await untrusted.handler.untilCall("close");
    expect(untrusted.transport.tls).toBeUndefined();
    const plain = dialling.dial({ port: (await dialling.listen()).port });
    await plain.handler.untilCall("open");
    expect(plain.transport.tls).toBeUndefined();
  });

  it("belong to the socket", () => {
    expect(tlsWatchOf({})).toBeUndefined();
  });
});

/** A server that answers the first bytes with a fatal alert (RFC 8446 6). */
async function alerting(number: number): Promise<RawServer> {
  const server = await dialling.listen();
  server.play((socket) => socket.once("data", () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, number))));
  return server;
}

const own: ConnectionOptions = { cert: client.cert, key: client.key };
const required = "TLS_CLIENT_CERTIFICATE_REQUIRED";
const refused = "TLS_CLIENT_CERTIFICATE_REFUSED";

describe("an alert", () => {
  it.each([
    ["bad_certificate", 42],
    ["unsupported_certificate", 43],
    ["certificate_revoked", 44],
    ["certificate_expired", 45],
    ["certificate_unknown", 46],
    ["unknown_ca", 48],
    ["certificate_required", 116],
  ])("%s is about the client certificate", async (_name, number) => {
    const server = await alerting(number);
    for (const [tls, code] of [
      [{}, required],
      [own, refused],
      [{ pfx: undefined, ...own }, refused],
    ] as const) {
      const { handler } = dialTo(server, tls);
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ code, cause: { library: "SSL routines" } });
      expect(handler.error?.message).toMatch(/^The server re\w+ (a|the) client certificate \(.*alert.*\)$/);
    }
  });

  it.each([
    ["handshake_failure", 40, "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"],
    ["internal_error", 80, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR"],
  ])("%s is not, if no certificate was requested", async (_name, number, code) => {
    const { handler } = dialTo(await alerting(number), own);
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({ code });
  });
});

describe.each(["TLSv1.2", "TLSv1.3"] as const)("a server that requests a certificate with %s", (version) => {
  it("is understood if it sends an alert because there is none", async () => {
    const { handler } = await dial({}, { clientCa: ca, tls: only(version) });
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({ code: required });
  });

  it("is understood if it closes the connection because of its authority", async () => {
    const stranger = createTlsCertificate({ subject: "stranger", hosts: [] });
    const { cert, key } = createTlsCertificate({ issuer: stranger, usage: "client" });
    const { handler } = await dial({ cert, key }, { clientCa: ca, tls: only(version) });
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({ code: refused });
    expect(handler.error?.message).toContain("closed the connection");
  });

  it.each<[how: string, lose: (socket: Socket) => void]>([
    ["an end", (socket) => socket.end()],
    ["a reset", (socket) => socket.destroy()],
  ])("is not blamed for %s after its first bytes", async (_how, lose) => {
    const { server, handler } = await dial(own, { clientCa: ca, tls: only(version) });
    const peer = await server.socket();
    await handler.untilCall("open");
    peer.write("answer");
    await handler.untilCall("data");
    lose(peer);
    await handler.untilCall("end");
    expect(handler.error).toBeUndefined();
  });

  it("is not blamed for an end if it requests none", async () => {
    const { server, handler } = await dial(own, { tls: only(version) });
    const peer = await server.socket();
    await handler.untilCall("open");
    peer.end();
    await handler.untilCall("end");
    expect(handler.calls).not.toContain("close");
  });
});
