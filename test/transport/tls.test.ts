import { once } from "node:events";
import { connect, Socket, type LookupFunction } from "node:net";
import { TLSSocket, type ConnectionOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TransportTarget } from "../../src/runtime/transport.js";
import { Dialling, socketsInUse, turns, type Dialled } from "../support/dialling.js";
import type { RawServer } from "../support/raw-server.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await dialling.finish();
});

const lookup: LookupFunction = (_hostname, _options, callback) =>
  setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]);

async function dialSecure(
  tls: ConnectionOptions = {},
  given: Partial<TransportTarget> = {},
  certificate = createTlsCertificate(),
): Promise<Dialled & { readonly server: RawServer }> {
  const server = await dialling.listen({ isSecure: true, certificate });
  const target = { host: "localhost", port: server.port, isSecure: true, lookup };
  return { server, ...dialling.dial({ ...target, ...given, tls: { ca: certificate.cert, ...tls } }) };
}

async function peerOf(server: RawServer): Promise<TLSSocket> {
  const socket = await server.socket();
  if (socket instanceof TLSSocket) return socket;
  throw new TypeError("The server is not a secure one");
}

describe("openTls", () => {
  describe("the handshake", () => {
    it("is a separate phase", async () => {
      const { handler } = await dialSecure();
      await handler.untilCall("open");
      expect(handler.calls).toEqual(["dns", "tcp", "tls", "open"]);
    });

    it("works with the second of two addresses", async () => {
      const addresses = [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ];
      const { server, handler } = await dialSecure(
        {},
        { lookup: (_hostname, _options, callback) => setImmediate(callback, null, addresses) },
      );
      (await peerOf(server)).end("from the second");
      await handler.untilCall("end");
      expect(handler.calls).toEqual(["dns", "tcp", "tls", "open", "data", "end"]);
      expect(handler.received).toBe("from the second");
    });

    it.each([
      ["a name", { host: "localhost" }, {}, "localhost"],
      ["a name with a trailing dot", { host: "localhost." }, {}, "localhost"],
      ["an address", { host: "127.0.0.1" }, {}, false],
      ["the servername option", { host: "127.0.0.1" }, { servername: "localhost" }, "localhost"],
      ["none if servername is empty", { host: "localhost" }, { servername: "" }, false],
    ] as const)("sends as server name: %s", async (_what, given, tls, expected) => {
      const { server, handler } = await dialSecure(tls, given);
      await handler.untilCall("open");
      expect((await peerOf(server)).servername).toBe(expected);
    });

    it.each([
      ["only http/1.1 by default", undefined, "http/1.1"],
      ["the option ALPNProtocols", ["feed/2"], "feed/2"],
      ["nothing if ALPNProtocols is empty", [], false],
    ])("offers as protocol: %s", async (_what, ALPNProtocols, expected) => {
      const certificate = createTlsCertificate();
      const server = await dialling.listen({
        isSecure: true,
        certificate,
        protocols: ["h2", "http/1.1", "feed/2"],
      });
      const { handler } = dialling.dial({
        port: server.port,
        isSecure: true,
        tls: { ca: certificate.cert, ALPNProtocols },
      });
      await handler.untilCall("open");
      expect((await peerOf(server)).alpnProtocol).toBe(expected);
    });

    it("does not change the option tls, and ignores its destination", async () => {
      const certificate = createTlsCertificate();
      const server = await dialling.listen({ isSecure: true, certificate });
      const tls = Object.freeze({ ca: certificate.cert, host: "nowhere.test", port: 1, path: "/nowhere" });
      const { handler } = dialling.dial({ host: "127.0.0.1", port: server.port, isSecure: true, tls });
      await handler.untilCall("open");
      expect(tls).toEqual({ ca: certificate.cert, host: "nowhere.test", port: 1, path: "/nowhere" });
    });

    it("sets the TCP options", async () => {
      const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
      const setKeepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
      const { handler } = await dialSecure({}, { keepAlive: 5_000 });
      await handler.untilCall("open");
      expect(setNoDelay).toHaveBeenCalledWith(true);
      expect(setKeepAlive).toHaveBeenCalledWith(true, 5_000);
    });
  });

  describe("an invalid certificate", () => {
    const other = createTlsCertificate();
    const expired = createTlsCertificate({ notBefore: new Date(0), notAfter: new Date(1) });
    const elsewhere = createTlsCertificate({ hosts: ["elsewhere.test"] });

    it.each([
      ["of another authority", { ca: other.cert }, undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["expired", {}, expired, "CERT_HAS_EXPIRED"],
      ["of another name", {}, elsewhere, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ])("is refused: %s", async (_what, tls, certificate, code) => {
      const { handler } = await dialSecure(tls, {}, certificate);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["dns", "tcp", "tls", "close"]);
      expect(handler.error).toMatchObject({ code });
    });

    it("is also checked against the host over a Unix socket", async () => {
      const server = await dialling.listen({ isSecure: true, isLocal: true, certificate: elsewhere });
      const target = { socketPath: server.path, isSecure: true, tls: { ca: elsewhere.cert } };
      const wrong = dialling.dial({ ...target, host: "localhost" });
      await wrong.handler.untilCall("close");
      expect(wrong.handler.error).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
      const right = dialling.dial({ ...target, host: "elsewhere.test" });
      await right.handler.untilCall("open");
      expect(right.handler.calls).toEqual(["tcp", "tls", "open"]);
    });

    it("is refused even with NODE_TLS_REJECT_UNAUTHORIZED=0", async () => {
      vi.spyOn(process, "emitWarning").mockReturnValue();
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
      const { handler } = await dialSecure({ ca: other.cert, rejectUnauthorized: undefined });
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    });

    it("is accepted with rejectUnauthorized: false", async () => {
      const { handler } = await dialSecure({ ca: other.cert, rejectUnauthorized: false });
      await handler.untilCall("open");
    });
  });

  describe("failures", () => {
    it("reports a server that does not use TLS", async () => {
      const server = await dialling.listen();
      const { handler } = dialling.dial({ port: server.port, isSecure: true });
      (await server.socket()).write("HTTP/1.1 400 Bad Request\r\n\r\n");
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "tls", "close"]);
      expect(handler.error).toMatchObject({ code: "ERR_SSL_WRONG_VERSION_NUMBER" });
    });

    it.each(["end", "resetAndDestroy"] as const)(
      "reports a peer that disconnects during the handshake: %s",
      async (how) => {
        const server = await dialling.listen();
        const { handler } = dialling.dial({ port: server.port, isSecure: true });
        const peer = await server.socket();
        await once(peer, "readable");
        peer[how]();
        await handler.untilCall("close");
        expect(handler.calls).toEqual(["tcp", "tls", "close"]);
        expect(handler.error).toMatchObject({ code: "ECONNRESET" });
      },
    );

    it("can be destroyed during the handshake", async () => {
      const server = await dialling.listen();
      const { transport, handler } = dialling.dial({ port: server.port, isSecure: true });
      await once(await server.socket(), "readable");
      transport.destroy();
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "tls", "close"]);
      expect(handler.error).toBeUndefined();
    });

    it("completes the handshake while it is paused", async () => {
      const { transport, handler } = await dialSecure();
      await handler.untilCall("tls");
      transport.pause();
      await handler.untilCall("open");
    });

    it("reports a refused connection", async () => {
      const server = await dialling.listen();
      const { port } = server;
      await server.close();
      const { handler } = dialling.dial({ port, isSecure: true });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNREFUSED" });
    });

    it("reports options that Node refuses without throwing", async () => {
      const { handler } = dialling.dial({ isSecure: true, tls: { minVersion: "TLSv9" as "TLSv1.3" } });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tls", "close"]);
      expect(handler.error).toMatchObject({ code: "ERR_TLS_INVALID_PROTOCOL_VERSION" });
    });

    it("reports the error of tls.socket", async () => {
      const server = await dialling.listen();
      const { port } = server;
      await server.close();
      const { handler } = dialling.dial({ isSecure: true, tls: { socket: connect(port, "127.0.0.1") } });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tls", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNREFUSED" });
    });
  });

  describe("decrypted data during a pause", () => {
    it("is delivered before the error that ended the stream", async () => {
      const { server, transport, handler } = await dialSecure();
      const [peer] = await Promise.all([peerOf(server), handler.untilCall("open")]);
      handler.onCall = (call) => {
        if (call === "data") transport.pause();
      };
      // Three TLS records, which arrive in one read of the underlying socket.
      peer.write(Buffer.alloc(40_000, "r"));
      await handler.untilCall("data");
      await turns(3);
      expect(handler.receivedLength).toBeLessThan(40_000);
      peer.destroy();
      await once(peer, "close");
      // The first write makes the peer's kernel send a reset, which a later write reports.
      const sockets = socketsInUse().length;
      while (socketsInUse().length === sockets) {
        transport.write(Buffer.alloc(1_000), () => undefined);
        await turns(1);
      }
      await turns(5);
      expect(handler.calls).toEqual(["dns", "tcp", "tls", "open", "data"]);
      handler.onCall = undefined;
      transport.resume();
      await handler.untilCall("close");
      expect(handler.receivedLength).toBe(40_000);
      expect(handler.error).toBeInstanceOf(Error);
    });
  });
});
