// The cookies that servers have set in opening handshakes (RFC 6265). It does not read or write requests and responses.
import { parseCookieDate } from "./cookie-date.js";

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly isSecure: boolean;
  /** Whether only a program of the same site sends the cookie. */
  readonly isSameSite: boolean;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly expiresAt: number;
}

const maxSize = 4096;
const maxCookiesPerHost = 50;

/** Other values could not be sent in a header field. */
const printable = /^[\x20-\x7E]*$/;

/**
 * Cookies by host. A cookie is sent only to the host that has set it, because a cookie with the attribute `Domain` is safe
 * only with a list of all public suffixes.
 */
export class CookieStore {
  /** The cookies of a host by path and name, the oldest one first. */
  readonly #hosts = new Map<string, Map<string, Cookie>>();

  /** Stores the cookie of a field `Set-Cookie`, or ignores the field. */
  store({ hostname, pathname, protocol }: URL, field: string, now: number): void {
    const cookie = toCookie(field, { hostname, pathname, isSecure: protocol === "wss:" }, now);
    if (cookie === undefined) return;
    const key = `${cookie.path} ${cookie.name}`;
    const cookies = this.#hosts.get(hostname) ?? new Map<string, Cookie>();
    this.#hosts.set(hostname, cookies);
    if (cookie.expiresAt <= now) cookies.delete(key);
    else cookies.set(key, cookie);
    const [oldest] = cookies.keys();
    if (cookies.size > maxCookiesPerHost) cookies.delete(oldest!);
  }

  /**
   * Returns the value of the field `Cookie`; `undefined` for no field.
   *
   * @param isSameSite - Whether the program is at the site of the URL.
   */
  fieldFor({ hostname, pathname, protocol }: URL, isSameSite: boolean, now: number): string | undefined {
    const cookies = [...(this.#hosts.get(hostname)?.values() ?? [])].filter(
      (one) =>
        one.expiresAt > now &&
        (isSameSite || !one.isSameSite) &&
        (protocol === "wss:" || !one.isSecure) &&
        `${pathname}/`.startsWith(one.path.replace(/\/?$/, "/")),
    );
    // RFC 6265 5.4: longer paths come first.
    cookies.sort((one, other) => other.path.length - one.path.length);
    return cookies.map(({ name, value }) => `${name}=${value}`).join("; ") || undefined;
  }
}

/** Where a cookie comes from. */
interface Source {
  readonly hostname: string;
  readonly pathname: string;
  readonly isSecure: boolean;
}

/** RFC 6265 5.2 and 5.3, and RFC 6265bis for `SameSite`. */
function toCookie(field: string, source: Source, now: number): Cookie | undefined {
  const [pair = "", ...rest] = field.split(";");
  const [name, value] = splitAtEqualSign(pair);
  const attributes = new Map(rest.map(splitAtEqualSign).map(([key, text]) => [key.toLowerCase(), text]));
  if (!pair.includes("=") || name === "" || pair.length > maxSize || !printable.test(name + value))
    return undefined;

  const isSecure = attributes.has("secure");
  const path = attributes.get("path") ?? "";
  const domain = attributes.get("domain")?.replace(/^\./, "").toLowerCase();
  const sameSite = attributes.get("samesite")?.toLowerCase();
  const isOfHost = domain === undefined || `.${source.hostname}`.endsWith(`.${domain}`);
  if (!isOfHost || (sameSite === "none" && !isSecure) || (isSecure && !source.isSecure)) return undefined;
  return {
    ...{ name, value, isSecure, expiresAt: expiryOf(attributes, now) },
    path: path.startsWith("/") ? path : source.pathname.slice(0, source.pathname.lastIndexOf("/")) || "/",
    // Without `SameSite`, browsers differ. Cookies of unencrypted connections have never had this protection.
    isSameSite: sameSite === "lax" || sameSite === "strict" || (sameSite !== "none" && source.isSecure),
  };
}

function splitAtEqualSign(text: string): [before: string, after: string] {
  const [before = "", ...after] = text.split("=");
  return [before.trim(), after.join("=").trim()];
}

/** RFC 6265 5.3: `Max-Age` precedes `Expires`, and an invalid date is ignored. */
function expiryOf(attributes: ReadonlyMap<string, string>, now: number): number {
  const maxAge = attributes.get("max-age") ?? "";
  return /^-?\d+$/.test(maxAge)
    ? now + Number(maxAge) * 1000
    : parseCookieDate(attributes.get("expires") ?? "");
}
