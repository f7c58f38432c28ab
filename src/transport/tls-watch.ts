// Observes a TLS socket: records how it is protected, keeps its sessions, and explains why it failed. It does not open
// or close sockets.
import type { PeerCertificate, TLSSocket } from "node:tls";
import { ownOptions } from "../../protocol/index.js";
import type { DistinguishedName, ServerCertificate, TlsDetails } from "../events/tls-details.js";
import type { SessionSlot } from "./tls-sessions.js";

/** A property of a TLS socket that refers to its watch. */
const watchKey = Symbol("jetsocket:tls");

interface WatchedSocket {
  [watchKey]?: TlsWatch;
}

function onSecure(this: unknown): void {
  (this as WatchedSocket)[watchKey]!.onSecure();
}

function onEnd(this: unknown): void {
  (this as WatchedSocket)[watchKey]!.onEnd();
}

function onSession(this: unknown, ticket: Buffer): void {
  (this as WatchedSocket)[watchKey]!.onSession(ticket);
}

/** Returns the watch of a stream that was passed to {@link TlsWatch.observe}. */
export function tlsWatchOf(stream: object): TlsWatch | undefined {
  return (stream as WatchedSocket)[watchKey];
}

/** Observes one TLS socket. */
export class TlsWatch {
  readonly #slot: SessionSlot | undefined;
  readonly #hasCertificate: boolean;
  #socket!: TLSSocket;
  #certificate: ServerCertificate | undefined;
  /** True if the server has requested a client certificate. */
  #isAsked = false;
  details: TlsDetails | undefined;

  /** @param hasCertificate - True if the client has a certificate to send. */
  constructor(slot: SessionSlot | undefined, hasCertificate: boolean) {
    this.#slot = slot;
    this.#hasCertificate = hasCertificate;
  }

  observe(socket: TLSSocket): TLSSocket {
    this.#socket = socket;
    (socket as unknown as WatchedSocket)[watchKey] = this;
    if (this.#slot !== undefined) socket.on("session", onSession);
    // Node's own listener for "end" closes the handle, which then answers no questions.
    return socket.once("secureConnect", onSecure).prependListener("end", onEnd);
  }

  /** Node calls `checkServerIdentity`, and next closes the handle. That function may have closed it already. */
  onRefused(certificate: PeerCertificate): void {
    this.#certificate = serverCertificate(certificate);
    if (!this.#socket.destroyed) this.#describe();
  }

  onSecure(): void {
    // Node emits the event even if `checkServerIdentity` has ended the client. The handle is closed then.
    if (this.#socket.destroyed) return;
    this.onEnd();
    this.#socket.off("end", onEnd);
    this.#readCertificate();
    this.#describe();
  }

  /** A resumed session of Node does not contain the certificate. */
  #readCertificate(): ServerCertificate | undefined {
    this.#certificate ??=
      serverCertificate(this.#socket.getPeerCertificate()) ?? this.#slot?.offered?.certificate;
    return this.#certificate;
  }

  #describe(): void {
    const socket = this.#socket;
    this.details = Object.freeze({
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher().standardName,
      alpn: socket.alpnProtocol || undefined,
      isResumed: socket.isSessionReused(),
      isAuthorized: socket.authorized,
      certificate: this.#certificate,
    });
  }

  /** A session of TLS 1.2 may arrive before "secureConnect", but never before the check of the certificate. */
  onSession(ticket: Buffer): void {
    const socket = this.#socket;
    // Node sets `authorized` before it emits the first session.
    const certificate = socket.authorized ? this.#readCertificate() : undefined;
    if (certificate !== undefined) this.#slot!.keep(ticket, certificate, socket.isSessionReused());
  }

  /** The server ends the stream, or an event in the handshake may be the last one before its end. */
  onEnd(): void {
    this.#isAsked ||= isClientCertificateRequested(this.#socket);
  }

  /** The stream is closed. */
  onClose(): void {
    // A session that the server cannot use must not break the next attempt too.
    if (this.#socket.bytesRead === 0) this.#slot?.forget();
  }

  /**
   * Returns an error if the server has refused the client certificate, or the lack of it. Servers do this in several
   * ways: by an alert inside the handshake or, with TLS 1.3, after it (RFC 8446 4.4.2.4), or without a word.
   *
   * @param error - The error of the stream; `undefined` if the server has ended it.
   */
  explain(error: Error | undefined): Error | undefined {
    if (this.#socket.bytesRead > 0) return undefined;
    // At an alert inside the handshake the handle is still open.
    this.onEnd();
    const { code, reason } = (error ?? {}) as { readonly code?: unknown; readonly reason?: unknown };
    const mayBeAboutCertificate = this.#isAsked && (error === undefined || vagueFailures.test(String(code)));
    if (!mayBeAboutCertificate && !certificateAlerts.test(String(code))) return undefined;
    const [verb, result] = this.#hasCertificate ? ["refused the", "REFUSED"] : ["requires a", "REQUIRED"];
    const how = typeof reason === "string" ? reason : "it closed the connection";
    return Object.assign(new Error(`The server ${verb} client certificate (${how})`, { cause: error }), {
      code: `TLS_CLIENT_CERTIFICATE_${result}`,
    });
  }
}

/** The codes of alerts that only a client certificate, or the lack of it, causes. */
const certificateAlerts = /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** The codes of failures that a client certificate may have caused if the server has requested one. */
const vagueFailures = /HANDSHAKE_FAILURE|^(ECONN|EPIPE)/;

/** OpenSSL knows the signature algorithms of the server only from its request for a certificate. */
function isClientCertificateRequested(socket: TLSSocket): boolean {
  try {
    return socket.getSharedSigalgs().length > 0;
  } catch {
    // The handle of the socket is closed.
    return false;
  }
}

/** @param given - An empty object if the server has sent no certificate. */
function serverCertificate(given: PeerCertificate): ServerCertificate | undefined {
  const { subject, issuer, valid_from: validFrom, valid_to: validTo, fingerprint256 } = ownOptions(given);
  if ((fingerprint256 as string | undefined) === undefined) return undefined;
  if (last?.fingerprint256 === fingerprint256) return last;
  // Many certificates have an empty subject.
  const copy = (name: DistinguishedName | undefined): DistinguishedName => {
    const parts = ownOptions(name ?? {});
    // A repeated part is an array.
    Object.values(parts).forEach(Object.freeze);
    return Object.freeze(parts);
  };
  last = { subject: copy(subject), issuer: copy(issuer), validFrom, validTo, fingerprint256 };
  return Object.freeze(last);
}

/** The certificate of the last handshake. Connections with the same certificate share one object. */
let last: ServerCertificate | undefined;
