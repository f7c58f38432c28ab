// Observes a TLS socket: records how it is protected, keeps its sessions, and explains why it failed. It does not open
// or close sockets.
import type { PeerCertificate, TLSSocket } from "node:tls";
import { ownOptions } from "../../protocol/index.js";
import type { ServerCertificate, TlsDetails } from "../events/tls-details.js";
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
  #socket: TLSSocket | undefined;
  #certificate: ServerCertificate | undefined;
  #details: TlsDetails | undefined;
  #isSecure = false;
  /** True if the server has requested a client certificate. */
  #isAsked = false;

  /** @param hasCertificate - True if the client has a certificate to send. */
  constructor(slot: SessionSlot | undefined, hasCertificate: boolean) {
    this.#slot = slot;
    this.#hasCertificate = hasCertificate;
  }

  observe(socket: TLSSocket): void {
    this.#socket = socket;
    (socket as unknown as WatchedSocket)[watchKey] = this;
    // Node's own listener for "end" closes the handle, which then answers no questions.
    socket.once("secureConnect", onSecure).prependListener("end", onEnd);
    if (this.#slot !== undefined) socket.on("session", onSession);
  }

  get details(): TlsDetails | undefined {
    return this.#details;
  }

  /** @param refusal - Why the certificate does not prove the identity of the server; `undefined` if it does. */
  onCertificate(certificate: PeerCertificate, refusal: Error | undefined): void {
    this.#certificate = serverCertificate(certificate);
    // Node closes the handle next. The function of the application may have closed it already.
    if (refusal !== undefined && !this.#socket!.destroyed) this.#describe(false);
  }

  onSecure(): void {
    const socket = this.#socket!;
    // Node emits the event even if `checkServerIdentity` has ended the client. The handle is closed then.
    if (socket.destroyed) return;
    this.#isSecure = true;
    this.#isAsked = isClientCertificateRequested(socket);
    socket.off("end", onEnd);
    const isResumed = socket.isSessionReused();
    // A resumed session of Node does not contain the certificate.
    if (isResumed) this.#certificate = this.#slot?.offered?.certificate;
    this.#certificate ??= serverCertificate(socket.getPeerCertificate());
    this.#describe(isResumed);
  }

  #describe(isResumed: boolean): void {
    const socket = this.#socket!;
    this.#details = shared({
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher().standardName,
      alpn: socket.alpnProtocol || undefined,
      isResumed,
      isAuthorized: socket.authorized,
      certificate: this.#certificate,
    });
  }

  onSession(ticket: Buffer): void {
    // Node sets `authorized` before it emits the first session.
    if (!this.#socket!.authorized) return;
    // A session of TLS 1.2 may arrive before "secureConnect", but never before the check of the certificate.
    this.#certificate ??= serverCertificate(this.#socket!.getPeerCertificate());
    if (this.#certificate !== undefined)
      this.#slot!.keep(ticket, this.#certificate, this.#socket!.isSessionReused());
  }

  /** The server ends the stream inside the handshake. */
  onEnd(): void {
    this.#isAsked = isClientCertificateRequested(this.#socket!);
  }

  /** The stream is closed. */
  onClose(): void {
    // A session that the server cannot use must not break the next attempt too.
    if (this.#socket!.bytesRead === 0) this.#slot?.forget();
  }

  /**
   * Returns an error if the server has refused the client certificate, or the lack of it. Servers do this in several
   * ways: by an alert inside the handshake or, with TLS 1.3, after it (RFC 8446 4.4.2.4), or without a word.
   *
   * @param error - The error of the stream; `undefined` if the server has ended it.
   */
  explain(error: Error | undefined): Error | undefined {
    const socket = this.#socket!;
    if (socket.bytesRead > 0) return undefined;
    const { code, reason } = (error ?? {}) as { readonly code?: unknown; readonly reason?: unknown };
    const name = String(code);
    // At an alert inside the handshake the handle is still open.
    if (!this.#isSecure && name.startsWith("ERR_SSL_")) this.#isAsked = isClientCertificateRequested(socket);
    const isAboutCertificate = certificateAlerts.test(name);
    const mayBeAboutCertificate = error === undefined || vagueFailures.test(name);
    if (!isAboutCertificate && !(this.#isAsked && mayBeAboutCertificate)) return undefined;
    const how = typeof reason === "string" ? reason : "it closed the connection";
    const hasCertificate = this.#hasCertificate;
    const message = hasCertificate ? "refused the client certificate" : "requires a client certificate";
    return Object.assign(new Error(`The server ${message} (${how})`, { cause: error }), {
      code: `TLS_CLIENT_CERTIFICATE_${hasCertificate ? "REFUSED" : "REQUIRED"}`,
    });
  }
}

/** The codes of alerts that only a client certificate, or the lack of it, causes. */
const certificateAlerts = /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** The codes of failures that a client certificate may have caused if the server has requested one. */
const vagueFailures = /HANDSHAKE_FAILURE|^(ECONNRESET|EPIPE|ECONNABORTED)$/;

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
  if (last?.certificate?.fingerprint256 === fingerprint256) return last.certificate;
  // Many certificates have an empty subject.
  const names = [subject, issuer] as (PeerCertificate["subject"] | undefined)[];
  const [subjectCopy, issuerCopy] = names.map((name) => {
    const parts = ownOptions(name ?? {});
    // A repeated part is an array.
    Object.values(parts).forEach(Object.freeze);
    return Object.freeze(parts);
  });
  return Object.freeze({ subject: subjectCopy!, issuer: issuerCopy!, validFrom, validTo, fingerprint256 });
}

/** The details of the last handshake. Connections with equal details share one object, which saves memory. */
let last: TlsDetails | undefined;

function shared(details: TlsDetails): TlsDetails {
  const names = Object.keys(details) as (keyof TlsDetails)[];
  if (last === undefined || !names.every((name) => details[name] === last![name]))
    last = Object.freeze(details);
  return last;
}
