// Calls the deserializer and reports its errors. It does not decide what happens to a message that cannot be decoded.
import { JetSocketError } from "../../errors.js";
import type { Deserializer } from "../../options/options.js";
import type { ReceivedMessage } from "./received-message.js";

/** The result of decoding if the deserializer throws. */
export const undecodable: unique symbol = Symbol("undecodable");

/** Checks the type first, which avoids a generic comparison for most values. */
export function isUndecodable(value: unknown): value is typeof undecodable {
  return typeof value === "symbol" && value === undecodable;
}

export class Decoder<Received> {
  readonly #deserializer: Deserializer<Received>;
  readonly #onFailed: (data: string | Buffer, error: JetSocketError) => void;

  /** @param onFailed - Called if the deserializer throws. */
  constructor(
    deserializer: Deserializer<Received>,
    onFailed: (data: string | Buffer, error: JetSocketError) => void,
  ) {
    this.#deserializer = deserializer;
    this.#onFailed = onFailed;
  }

  /**
   * Decodes the message if it is not decoded yet.
   *
   * @returns `false` if the deserializer throws; the error is reported.
   */
  complete(entry: ReceivedMessage<Received>): boolean {
    if (entry.isDecoded) return true;
    const value = this.decode(entry.data!);
    if (isUndecodable(value)) return false;
    entry.value = value;
    entry.isDecoded = true;
    return true;
  }

  /** @returns the value, or {@link undecodable} if the deserializer throws; the error is reported. */
  decode(data: string | Buffer): Received | typeof undecodable {
    try {
      return this.#deserializer(data, typeof data !== "string");
    } catch (error) {
      return this.#fail(data, error);
    }
  }

  #fail(data: string | Buffer, error: unknown): typeof undecodable {
    this.#onFailed(data, decodingFailed(error));
    return undecodable;
  }
}

function decodingFailed(cause: unknown): JetSocketError {
  const message =
    'The deserializer threw on a received message, which was dropped. The event "dropped" contains the message.';
  return new JetSocketError(message, { code: "DECODE_FAILED", cause });
}
