/** Follows the redirects of one WebSocket: counts them, and removes credentials for other hosts. It does not connect. */
import { HandshakeError, unmasked } from "../index.js";
import type { Address } from "./address.js";
import type { FieldValue } from "./response.js";

export type Fields = Map<string, readonly [name: string, value: FieldValue]>;

/** Returns the field `Location` of a response that redirects (RFC 9110 15.4). */
export function locationOf(error: Error | undefined): string | undefined {
  if (!(error instanceof HandshakeError) || error.code !== "UNEXPECTED_STATUS") return undefined;
  const { statusCode = 0 } = error;
  if (statusCode < 300 || statusCode >= 400) return undefined;
  return unmasked(error.headers).find(([name]) => name.toLowerCase() === "location")?.[1];
}

/** Adds the credentials of an address, unless there are others already. */
export function addAuthorization(fields: Fields, auth: string | undefined): void {
  if (auth !== undefined && !fields.has("authorization"))
    fields.set("authorization", ["Authorization", `Basic ${Buffer.from(auth).toString("base64")}`]);
}

export class Redirects {
  readonly #first: Address;
  readonly #max: number;
  #count = 0;

  /** @param max - Number of redirects to follow; -1 for none. */
  constructor(first: Address, max: number) {
    this.#first = first;
    this.#max = max;
  }

  /** True if redirects are followed. */
  get isOn(): boolean {
    return this.#max >= 0;
  }

  /** Counts a redirect. @throws Error if there were too many. */
  count(): void {
    if (++this.#count > this.#max) throw new Error("Maximum redirects exceeded");
  }

  /**
   * Removes the credentials of the first host from the header fields for another host, and for the same host without
   * TLS.
   */
  removeCredentials(fields: Fields, to: Address): void {
    const { url, socketPath, isSecure } = this.#first;
    const isSameHost = socketPath === undefined ? sameHost(url, to) : socketPath === to.socketPath;
    if (isSameHost && (!isSecure || to.isSecure)) return;
    fields.delete("authorization");
    fields.delete("cookie");
    if (!isSameHost) fields.delete("host");
  }
}

function sameHost({ host }: URL, to: Address): boolean {
  return to.socketPath === undefined && host === to.url.host;
}
