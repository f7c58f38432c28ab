// Opens a tunnel through a SOCKS5 proxy (RFC 1928), with user name and password if they are given (RFC 1929). It does
// not connect to the proxy.
import type { ProxyUri } from "./proxy-uri.js";
import {
  opened,
  rejected,
  type TunnelHandshake,
  type TunnelStep,
  type TunnelTarget,
} from "./tunnel-handshake.js";

const version = 5;
/** RFC 1928 3: the method that is negotiated by RFC 1929. Method 0 requires no credentials. */
const passwordMethod = 2;
/** RFC 1928 3: the proxy accepts no method that was offered. */
const noMethod = 0xff;

/** The replies of RFC 1928 6, from 1. */
const replies = (
  "general failure,not allowed by the rules of the proxy,network unreachable,host unreachable," +
  "refused by the target,TTL expired,command not supported,address type not supported"
).split(",");

/** The handshake with a SOCKS5 proxy: method, then credentials if the proxy asks for them, then the request. */
export class Socks5Tunnel implements TunnelHandshake {
  readonly request: Buffer;
  readonly #target: TunnelTarget;
  readonly #credentials: ProxyUri["credentials"];
  #received: Buffer = Buffer.alloc(0);
  #awaited: "method" | "status" | "reply" = "method";

  constructor(target: TunnelTarget, { credentials }: ProxyUri) {
    this.#target = target;
    this.#credentials = credentials;
    this.request = Buffer.from(credentials === undefined ? [version, 1, 0] : [version, 2, 0, passwordMethod]);
  }

  receive(bytes: Uint8Array): TunnelStep | undefined {
    this.#received = Buffer.concat([this.#received, bytes]);
    const { length } = this.#received;
    if (length < 2) return undefined;
    const [first, second] = this.#received as unknown as [number, number];
    // RFC 1929 2: its version is another one. Some proxies answer with a wrong one, so it is not checked.
    if (first !== version && this.#awaited !== "status") return malformed();
    if (this.#awaited === "reply") return this.#readReply(second);
    // The proxy must wait for the next request, so it sends nothing after these two bytes.
    if (length > 2) return opened(length - 2);
    this.#received = Buffer.alloc(0);
    // The method 0, or the status of accepted credentials.
    return second === 0 ? this.#connect() : this.#authenticate(second);
  }

  #authenticate(answer: number): TunnelStep {
    const credentials = this.#credentials;
    if (this.#awaited === "method" && answer !== noMethod) {
      if (answer !== passwordMethod || credentials === undefined) return malformed();
      this.#awaited = "status";
      return write(`\u0001${sized(credentials.user)}${sized(credentials.password)}`);
    }
    const reason = credentials === undefined ? "requires" : "does not accept the";
    return rejected("PROXY_AUTHENTICATION", `The SOCKS5 proxy ${reason} credentials.`);
  }

  #connect(): TunnelStep {
    this.#awaited = "reply";
    const { host, port } = this.#target;
    if (host.length > 255)
      return rejected("PROXY_REFUSED", "A SOCKS5 proxy cannot connect to a name of more than 255 bytes.");
    return write(`\u0005\u0001\0${addressOf(host)}${word(port)}`);
  }

  #readReply(reply: number): TunnelStep | undefined {
    if (reply !== 0) {
      const reason = replies[reply - 1] ?? "unknown reply";
      const message = `The SOCKS5 proxy could not connect to the target: ${reason} (reply ${reply}).`;
      return rejected("PROXY_REFUSED", message, { socksCode: reply });
    }
    const [, , , type, nameSize] = this.#received;
    if (nameSize === undefined) return undefined;
    const size = { 1: 4, 3: 1 + nameSize, 4: 16 }[type!];
    if (size === undefined) return malformed();
    // The head has four bytes, the port two.
    const extraBytes = this.#received.length - (4 + size + 2);
    return extraBytes < 0 ? undefined : opened(extraBytes);
  }
}

/** Returns type and address for the request (RFC 1928 4), one character per byte. A name is resolved by the proxy. */
function addressOf(host: string): string {
  if (host.includes(":")) return `\u0004${ipv6Bytes(host)}`;
  if (/^\d+(\.\d+){3}$/.test(host)) return String.fromCharCode(1, ...host.split(".").map(Number));
  return `\u0003${sized(host)}`;
}

/** @param address - As the URL standard writes it: without an embedded IPv4 address and without a zone. */
function ipv6Bytes(address: string): string {
  const groupsOf = (text: string): string[] => text.split(":").filter((group) => group !== "");
  const zeros = "0:".repeat(8 - groupsOf(address).length);
  return groupsOf(address.replace("::", `:${zeros}`))
    .map((group) => word(Number.parseInt(group, 16)))
    .join("");
}

/** Returns a number as two bytes. */
function word(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff);
}

/** Returns the number of bytes of a text, and these bytes. */
function sized(text: string): string {
  return String.fromCharCode(text.length) + text;
}

function write(bytes: string): TunnelStep {
  return { kind: "write", bytes: Buffer.from(bytes, "latin1") };
}

function malformed(): TunnelStep {
  return rejected("PROXY_MALFORMED", "The answer of the proxy is not valid SOCKS5.");
}
