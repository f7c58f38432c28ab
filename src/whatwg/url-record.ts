// The URL of a socket: parsing it as the standard requires, and the ports that the Fetch standard blocks. It does not
// connect.

/** The environment of a page or of a worker of a browser. Node has no `location`. */
interface Location {
  readonly href?: unknown;
  readonly origin?: unknown;
}

function environment(): Location | undefined {
  return (globalThis as { readonly location?: Location }).location;
}

/** The URL of the program; `undefined` without a `location`. */
export function urlOfProgram(): URL | undefined {
  const href = environment()?.href;
  return typeof href === "string" && URL.canParse(href) ? new URL(href) : undefined;
}

/** The origin of the program; `undefined` without a `location`. It is sent in the field `Origin`. */
export function originOfProgram(): string | undefined {
  const origin = environment()?.origin;
  return typeof origin === "string" ? origin : undefined;
}

/**
 * Parses the URL of a socket. The schemes `http:` and `https:` mean `ws:` and `wss:`. A relative URL is resolved against
 * `location.href`, if the program has a `location`.
 *
 * @throws a DOMException with the name `SyntaxError` for an invalid URL, another scheme, or a fragment; with the name
 *   `SecurityError` for the scheme `ws:` if `location.href` has the scheme `https:`. Its message does not contain the URL,
 *   because the URL may contain credentials.
 */
export function toUrlRecord(text: string): URL {
  let record: URL;
  const base = urlOfProgram();
  try {
    record = new URL(text, base);
  } catch {
    throw new DOMException("The URL must be a valid absolute URL.", "SyntaxError");
  }
  const { protocol } = record;
  if (!/^(?:ws|http)s?:$/.test(protocol))
    throw new DOMException("The scheme of the URL must be ws, wss, http or https.", "SyntaxError");
  // The property `hash` is empty for an empty fragment, which is an error too.
  if (record.href.includes("#"))
    throw new DOMException("The URL must not contain a fragment.", "SyntaxError");
  record.protocol = protocol.replace("http", "ws");
  // Mixed Content 4.1. Browsers throw from the constructor.
  if (record.protocol === "ws:" && base?.protocol === "https:" && !isLocal(record.hostname))
    throw new DOMException("A program at an https: URL must use wss:.", "SecurityError");
  return record;
}

/** Secure Contexts 3.1: the traffic to these hosts does not leave the machine. */
function isLocal(hostname: string): boolean {
  return /^(?:127\.[\d.]+|\[::1\]|(?:.+\.)?localhost\.?)$/.test(hostname);
}

/** The bad ports of https://fetch.spec.whatwg.org/#port-blocking. */
const badPorts: ReadonlySet<string> = new Set(
  (
    "0,1,7,9,11,13,15,17,19,20,21,22,23,25,37,42,43,53,69,77,79,87,95,101,102,103,104,109,110,111,113,115,117,119," +
    "123,135,137,139,143,161,179,389,427,465,512,513,514,515,526,530,531,532,540,548,554,556,563,587,601,636,989," +
    "990,993,995,1719,1720,1723,2049,3659,4045,4190,5060,5061,6000,6566,6665,6666,6667,6668,6669,6679,6697,10080"
  ).split(","),
);

/** Whether the port of a URL belongs to another protocol, so that no connection to it may be opened. */
export function hasBlockedPort({ port }: Pick<URL, "port">): boolean {
  return badPorts.has(port);
}
