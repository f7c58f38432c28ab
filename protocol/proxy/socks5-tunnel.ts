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
/** Methods of RFC 1928 3. */
const method = { none: 0, password: 2, refused: 0xff };
/** The version of the negotiation of RFC 1929. */
const passwordVersion = 1;
/** Address types of RFC 1928 4, with the size in bytes of the address in an answer. */
const addressType = { ipv4: 1, name: 3, ipv6: 4 };

/** The replies of RFC 1928 6. */
const replies: readonly string[] = [
  "",
  "general failure",
  "not allowed by the rules of the proxy",
  "network unreachable",
  "host unreachable",
  "refused by the target",
  "TTL expired",
  "command not supported",
  "address type not supported",
];

/** The handshake with a SOCKS5 proxy: method, then credentials if the proxy asks for them, then the request. */
export class Socks5Tunnel implements TunnelHandshake {
  readonly request: Buffer;
  readonly #target: TunnelTarget;
  readonly #credentials: ProxyUri["credentials"];
  #received: Buffer = Buffer.alloc(0);
  #awaited: "method" | "password" | "reply" = "method";

  constructor(target: TunnelTarget, { credentials }: ProxyUri) {
    this.#target = target;
    this.#credentials = credentials;
    const methods = credentials === undefined ? [method.none] : [method.none, method.password];
    this.request = Buffer.of(version, methods.length, ...methods);
  }

  receive(bytes: Uint8Array): TunnelStep | undefined {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (this.#received.length < 2) return undefined;
    const [first, second] = this.#received as unknown as [number, number];
    if (this.#awaited === "method" && first !== version) return malformed();
    if (this.#awaited === "reply") return this.#readReply(first, second);
    // The proxy must wait for the next request, so it sends nothing after these two bytes.
    if (this.#received.length > 2) return opened(this.#received.length - 2);
    this.#received = Buffer.alloc(0);
    return this.#awaited === "method" ? this.#readMethod(second) : this.#readStatus(second);
  }

  #readMethod(chosen: number): TunnelStep {
    if (chosen === method.none) return this.#connect();
    if (chosen === method.refused) {
      const reason = this.#credentials === undefined ? "requires credentials" : "accepts no password";
      return unauthorised(reason);
    }
    if (chosen !== method.password || this.#credentials === undefined) return malformed();
    this.#awaited = "password";
    const { user, password } = this.#credentials;
    const bytes = Buffer.concat([Buffer.of(passwordVersion), sized(user), sized(password)]);
    return { kind: "write", bytes };
  }

  /** RFC 1929 2: any status but 0 is a failure. Some proxies answer with another version, so it is not checked. */
  #readStatus(status: number): TunnelStep {
    return status === 0 ? this.#connect() : unauthorised("refused the credentials");
  }

  #connect(): TunnelStep {
    this.#awaited = "reply";
    const { host, port } = this.#target;
    if (host.length > 255)
      return rejected("PROXY_REFUSED", "A SOCKS5 proxy cannot connect to a name of more than 255 bytes.");
    const head = Buffer.of(version, 1, 0);
    return { kind: "write", bytes: Buffer.concat([head, addressOf(host), Buffer.of(port >> 8, port)]) };
  }

  #readReply(first: number, reply: number): TunnelStep | undefined {
    if (first !== version) return malformed();
    if (reply !== 0) {
      const reason = replies[reply] ?? "unknown reply";
      const message = `The SOCKS5 proxy could not connect to the target: ${reason} (reply ${reply}).`;
      return rejected("PROXY_REFUSED", message, { socksCode: reply });
    }
    const bytes = this.#received;
    if (bytes.length < 5) return undefined;
    const size = { [addressType.ipv4]: 4, [addressType.ipv6]: 16, [addressType.name]: 1 + bytes[4]! }[
      bytes[3]!
    ];
    if (size === undefined) return malformed();
    // The head has four bytes, the port two.
    const end = 4 + size + 2;
    return bytes.length < end ? undefined : opened(bytes.length - end);
  }
}

/** Returns type and address for the request. A name is resolved by the proxy. */
function addressOf(host: string): Buffer {
  if (host.includes(":")) return Buffer.of(addressType.ipv6, ...ipv6Bytes(host));
  if (/^\d+(\.\d+){3}$/.test(host)) return Buffer.of(addressType.ipv4, ...host.split(".").map(Number));
  return Buffer.concat([Buffer.of(addressType.name), sized(host)]);
}

/** Returns the number of bytes of a text, and these bytes. */
function sized(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]);
}

/** @param address - As the URL standard writes it: without an embedded IPv4 address and without a zone. */
function ipv6Bytes(address: string): Buffer {
  const missing = 8 - address.split(":").filter((group) => group !== "").length;
  const groups = address.replace("::", `:${"0:".repeat(missing)}`).split(":");
  return Buffer.from(groups.map((group) => group && group.padStart(4, "0")).join(""), "hex");
}

function malformed(): TunnelStep {
  return rejected("PROXY_MALFORMED", "The answer of the proxy is not valid SOCKS5.");
}

function unauthorised(reason: string): TunnelStep {
  return rejected("PROXY_AUTHENTICATION", `The SOCKS5 proxy ${reason}.`);
}
