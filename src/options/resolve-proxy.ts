/** Checks the option `proxy`, and the result of a function given for it. It does not read the environment. */
import { HttpTunnel, parseProxy } from "../../protocol/index.js";
import type { ProxyTarget } from "../runtime/transport.js";
import { checkObject, readOptions, wrongValue } from "./checks.js";
import { readHeaderFields } from "./header-fields.js";
import type { ProxyOption, ProxyOptions } from "./options.js";

/** The option `proxy` after it was checked. */
export type ResolvedProxy = ProxyTarget | "env" | ((url: string) => unknown) | undefined;

const form = `"env", a url, an object with a url, a function, or false`;

/** @throws TypeError for a wrong value. The message shows no credentials. */
export function resolveProxy(
  proxy: ProxyOption | ((url: string) => unknown),
  others: Readonly<Record<string, unknown>>,
): ResolvedProxy {
  if (proxy === undefined || proxy === false) return undefined;
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined)
      throw new TypeError(
        `The option "proxy" cannot be used together with "${name}", which replaces the socket.`,
      );
  }
  return typeof proxy === "function" ? proxy : readProxy(proxy);
}

/** Returns `undefined` for a connection without a proxy. */
export function readProxy(proxy: unknown): ProxyTarget | "env" | undefined {
  if (proxy === undefined || proxy === false) return undefined;
  if (proxy === "env") return proxy;
  if (typeof proxy === "string" || proxy instanceof URL) return proxyTarget({ url: proxy });
  if (typeof proxy !== "object" || proxy === null) throw wrongValue("proxy", form, proxy);
  return proxyTarget(readOptions("proxy", proxy as ProxyOptions, ["url", "headers", "tls"], form));
}

function proxyTarget({ url, headers: given, tls }: ProxyOptions): ProxyTarget {
  if (typeof url !== "string" && !(url instanceof URL))
    throw wrongValue("proxy.url", "a string or a URL", url);
  const uri = correct("proxy", () => parseProxy(String(url)));
  const headers = readHeaderFields("proxy.headers", given);
  const { kind } = uri;
  const unused =
    kind === "socks5" && headers.length > 0 ? "headers" : kind !== "https" && tls !== undefined ? "tls" : "";
  if (unused !== "")
    throw new TypeError(
      `The option "proxy.${unused}" cannot be used with a proxy url of the scheme ${kind}.`,
    );
  // The constructor throws for invalid header fields.
  if (kind !== "socks5")
    correct("proxy.headers", () => new HttpTunnel({ host: "localhost", port: 1 }, uri, headers));
  return { uri, headers, tls: tls === undefined ? undefined : checkObject("proxy.tls", tls) };
}

/** @throws TypeError that names the option, if `read` throws. */
function correct<Result>(option: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const { message } = error as Error;
    throw new TypeError(`The option "${option}" is invalid. ${message}`, { cause: error });
  }
}
