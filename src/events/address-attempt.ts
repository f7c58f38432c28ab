/** The type of an attempt to connect to one address. It does not connect. */

/** One attempt to connect to an address of a host. */
export interface AddressAttempt {
  /** The IP address. */
  readonly address: string;
  readonly port: number;
  /** Milliseconds from the start of the name lookup to the start of this attempt. */
  readonly atMs: number;
  /** Milliseconds that the attempt took; `undefined` while it is pending. */
  readonly durationMs: number | undefined;
  /** `abandoned`: another address was connected first, or the whole attempt ended. */
  readonly result: "pending" | "connected" | "failed" | "abandoned";
  readonly error: Error | undefined;
}
