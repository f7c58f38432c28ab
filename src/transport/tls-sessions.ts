// Keeps the TLS sessions of a client, so that a reconnect resumes one instead of a full handshake (RFC 8446 2.2). It
// does not perform handshakes.
import type { ConnectionOptions } from "node:tls";
import { nodeCrypto } from "../runtime/node-modules.js";
import type { ServerCertificate } from "../events/tls-details.js";
import type { TlsSession, TransportTarget } from "../runtime/transport.js";

/** A client keeps one session for each of this many servers. */
const maxSessions = 4;

/** RFC 8446 4.6.1: a client must not keep a ticket for longer than 7 days. In milliseconds. */
const maxAge = 7 * 86_400_000;

/** The sessions of a client, as one attempt uses them. */
export class SessionSlot {
  readonly #sessions: TlsSession[];
  readonly #origin: readonly unknown[];
  /**
   * The session to resume. It is used again if the server issues no other one, as servers that run on Node do. RFC 8446
   * C.4 advises against this, because an observer can then recognise the client; but a client that reconnects keeps its
   * address anyway.
   */
  readonly offered: TlsSession | undefined;

  constructor(sessions: TlsSession[], origin: readonly unknown[]) {
    this.#sessions = sessions;
    this.#origin = origin;
    this.offered = sessions.find((session) => session.expiresAt > Date.now() && this.#isOurs(session));
  }

  #isOurs({ origin }: TlsSession): boolean {
    const own = this.#origin;
    return origin.length === own.length && origin.every((value, index) => Object.is(value, own[index]));
  }

  /** Keeps a session of an authorised connection. The newest session of each server replaces the others. */
  keep(given: Buffer, certificate: ServerCertificate, isResumed: boolean): void {
    // Node's Buffer is a part of 8 KiB, which it would keep in memory.
    const ticket = Buffer.from(new Uint8Array(given).buffer);
    const others = this.#sessions.filter((session) => !this.#isOurs(session));
    // Node checks the certificate only in a full handshake, so the time since that handshake counts.
    const expiresAt =
      (isResumed ? this.offered?.expiresAt : undefined) ??
      Math.min(Date.now() + maxAge, Date.parse(certificate.validTo));
    const session: TlsSession = { origin: this.#origin, ticket, certificate, expiresAt };
    this.#sessions.splice(0, maxSessions, ...others.slice(1 - maxSessions), session);
  }

  /** The connection that offered the session has failed, so the next attempt makes a full handshake. */
  forget(): void {
    const index = this.#sessions.indexOf(this.offered!);
    if (index !== -1) this.#sessions.splice(index, 1);
  }
}

/**
 * Returns the slot for an attempt, or `undefined` if it must not use sessions. Node calls `checkServerIdentity` and
 * `pskCallback` only in a full handshake, so a session must not replace them.
 *
 * @param tls - The own properties of the option `tls`.
 */
export function sessionSlot(
  { tlsSessions, host, port, socketPath }: TransportTarget,
  tls: ConnectionOptions,
): SessionSlot | undefined {
  const isOwn = tls.checkServerIdentity ?? tls.pskCallback ?? tls.session ?? tls.socket;
  if (tlsSessions === undefined || isOwn !== undefined) return undefined;
  // The values are compared, because the application may change the options object between two attempts.
  return new SessionSlot(tlsSessions, [host, port, socketPath, ...valuesIn(tls)]);
}

/**
 * Returns all names and values in the options. The application may also change bytes, arrays and the objects in them,
 * such as `{ pem, passphrase }`, in place.
 */
function valuesIn(options: object): unknown[] {
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (ArrayBuffer.isView(value)) return [name, digest(value as Buffer)];
    // Other objects, such as a secure context, are compared by their identity.
    const object = Object(value) as object;
    const type: unknown = Object.getPrototypeOf(object);
    const isPlain = type === Object.prototype || type === Array.prototype;
    return isPlain ? [name, ...valuesIn(object)] : [name, value];
  });
}

function digest(bytes: Buffer): string {
  return nodeCrypto().createHash("sha256").update(bytes).digest("hex");
}
