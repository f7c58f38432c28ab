// Calls the deserializer and reports its errors. It does not decide what happens to a message whose decoding fails.
import { JetSocketError } from "../../errors.js";
import type { Deserializer } from "../../options/options.js";
import type { ReceivedMessage } from "./received-message.js";
import { isSchemaFailure } from "./validation.js";

/** The result of {@link Decoder.decode} if the deserializer throws. */
const undecodable = Symbol("undecodable");

/** Checks the type first, because this avoids a generic comparison for most values. */
export function isUndecodable(value: unknown): boolean {
  return typeof value === "symbol" && value === undecodable;
}

type OnFailed = (data: string | Buffer, error: JetSocketError) => void;

export class Decoder {
  readonly #deserializer: Deserializer<unknown>;
  readonly #onFailed: OnFailed;

  /** @param onFailed - Called if the deserializer throws. */
  constructor(deserializer: Deserializer<unknown>, onFailed: OnFailed) {
    this.#deserializer = deserializer;
    this.#onFailed = onFailed;
  }

  /** Decodes the message unless it is decoded already. @returns `false` if the deserializer throws. */
  complete(entry: ReceivedMessage): boolean {
    if (entry.isDecoded) return true;
    const value = this.decode(entry.data!);
    if (isUndecodable(value)) return false;
    entry.value = value;
    entry.isDecoded = true;
    return true;
  }

  /** @returns the value, or {@link undecodable} if the deserializer throws. The error is reported. */
  decode(data: string | Buffer): unknown {
    try {
      return this.#deserializer(data, typeof data !== "string");
    } catch (error) {
      return this.#fail(data, error);
    }
  }

  #fail(data: string | Buffer, cause: unknown): unknown {
    const message = "The deserializer threw on a received message, which was dropped.";
    const error = isSchemaFailure(cause)
      ? cause
      : new JetSocketError(message, { code: "DECODE_FAILED", cause });
    this.#onFailed(data, error);
    return undecodable;
  }
}
