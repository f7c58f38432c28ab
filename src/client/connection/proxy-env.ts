/** Chooses a proxy by the environment variables that curl documents. It does not parse the url of the proxy. */
import { nodeNet } from "../../runtime/node-modules.js";

/** The target of an attempt. */
export interface ProxiedTarget {
  readonly isSecure: boolean;
  /** A host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the url of the proxy for a target, or `undefined` if it is connected directly.
 *
 * `wss:` reads `HTTPS_PROXY`, `ws:` reads `HTTP_PROXY`; without it, both read `ALL_PROXY`. `NO_PROXY` lists the targets
 * without a proxy. Each name may be in lower case too, which takes precedence.
 */
export function proxyFromEnvironment(target: ProxiedTarget, environment: Environment): string | undefined {
  // A CGI program gets the request header `Proxy` as HTTP_PROXY, so the client of that program would choose it.
  const isCgi = environment["REQUEST_METHOD"] !== undefined;
  const name = target.isSecure ? "HTTPS_PROXY" : isCgi ? "http_proxy" : "HTTP_PROXY";
  const url = read(name, environment) ?? read("ALL_PROXY", environment);
  if (url === undefined) return undefined;
  const exceptions = (read("NO_PROXY", environment) ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return exceptions.some((entry) => matches(entry, target)) ? undefined : url;
}

/** An empty variable counts as absent. `process.env` inherits from `Object.prototype`. */
function read(name: string, environment: Environment): string | undefined {
  for (const one of [name.toLowerCase(), name])
    if (Object.hasOwn(environment, one) && environment[one]) return environment[one];
  return undefined;
}

/**
 * @param entry - `*` for all hosts, a host name that also matches its subdomains, an IP address, or a network such as
 *   `10.0.0.0/8`. A port may follow: `example.com:8080`, `[::1]:8080`.
 */
function matches(entry: string, { host, port }: ProxiedTarget): boolean {
  const [, bracketed, plain, entryPort] = /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined || (entryPort !== undefined && Number(entryPort) !== port)) return false;
  if (name === "*") return true;
  if (name.includes("/")) return isInNetwork(host, name);
  return nodeNet().isIP(host) === 0 ? isDomainOf(name, host) : isInNetwork(host, name);
}

function isDomainOf(entry: string, host: string): boolean {
  const [domain, name] = [entry, host].map((one) => one.toLowerCase().replace(/^\.|\.$/g, ""));
  return name === domain || (domain !== "" && name!.endsWith(`.${domain}`));
}

/** @param network - An IP address, or an address and the length of its prefix. */
function isInNetwork(host: string, network: string): boolean {
  const { BlockList, isIP } = nodeNet();
  const [, address = "", length] = /^([^/]*)(?:\/(\d+))?$/.exec(network) ?? [];
  const [family, size] = isIP(host) === 6 ? (["ipv6", 128] as const) : (["ipv4", 32] as const);
  const list = new BlockList();
  try {
    list.addSubnet(address, length === undefined ? size : Number(length), family);
  } catch {
    // It is not a network of the family of the host.
    return false;
  }
  return list.check(host, family);
}
