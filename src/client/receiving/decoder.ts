import { JetSocketError } from "../../errors.js";
import type { Deserializer } from "../../options/options.js";
import type { ReceivedMessage } from "./received-message.js";

/** In the place of a value. */
export const undecodable: unique symbol = Symbol("undecodable");

/** Asked by the type first, which takes no comparison of a value that may be anything. */
export function isUndecodable(value: unknown): value is typeof undecodable {
  return typeof value === "symbol" && value === undecodable;
}

/** Calls the deserializer, which is the user's. */
export class Decoder<Received> {
  readonly #deserializer: Deserializer<Received>;
  readonly #onFailed: (data: string | Buffer, error: JetSocketError) => void;

  /** @param onFailed - The deserializer has thrown. */
  constructor(
    deserializer: Deserializer<Received>,
    onFailed: (data: string | Buffer, error: JetSocketError) => void,
  ) {
    this.#deserializer = deserializer;
    this.#onFailed = onFailed;
  }

  /** @returns `false` where the deserializer throws, which is told. */
  complete(entry: ReceivedMessage<Received>): boolean {
    if (entry.isDecoded) return true;
    const value = this.decode(entry.data!);
    if (isUndecodable(value)) return false;
    entry.value = value;
    entry.isDecoded = true;
    return true;
  }

  /** Gives the value, or {@link undecodable} where the deserializer throws, which is told. */
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
  const message = "The deserializer threw on a received message; it is the `message` of the `dropped` event.";
  return new JetSocketError(message, { code: "DECODE_FAILED", cause });
}
