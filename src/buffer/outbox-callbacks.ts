// Calls the functions of the outbox options and checks their results. An exception or an invalid result is reported.
// The message is then treated as a message without an id or a key.
import { JetSocketError } from "../errors.js";
import type { MessageId } from "./outbox-entry.js";
import type { OutboxPolicy } from "./outbox-policy.js";

const noIds: readonly MessageId[] = [];

/** Calls `idOf`, `keyOf` and `acknowledges` of the outbox options. */
export class OutboxCallbacks<Sent, Received> {
  readonly #policy: OutboxPolicy<Sent, Received>;
  readonly #onError: (error: JetSocketError) => void;

  constructor(policy: OutboxPolicy<Sent, Received>, onError: (error: JetSocketError) => void) {
    this.#policy = policy;
    this.#onError = onError;
  }

  idOf(sent: Sent): MessageId | undefined {
    const consequence = "this message is sent at most once";
    const id: unknown = this.#call("idOf", this.#policy.idOf, sent, consequence);
    if (id === undefined || id === null) return undefined;
    if (typeof id === "string" || typeof id === "number" || typeof id === "bigint") return id;
    this.#report(
      `outbox.idOf must return a string, a number or a bigint, but returned ${typeof id}: ${consequence}.`,
    );
    return undefined;
  }

  keyOf(sent: Sent): unknown {
    return this.#call("keyOf", this.#policy.keyOf, sent, "this message has no key") ?? undefined;
  }

  /** Returns the ids that a received message acknowledges. The result may contain unknown ids. */
  acknowledgedIds(received: Received): readonly MessageId[] {
    const { acknowledges } = this.#policy;
    const ids = this.#call("acknowledges", acknowledges, received, "nothing is acknowledged");
    if (ids === undefined || ids === null) return noIds;
    return Array.isArray(ids) ? (ids as readonly MessageId[]) : [ids as MessageId];
  }

  /** Reports that `id` also belongs to another message, which is not acknowledged yet. */
  reportDuplicateId(id: MessageId): void {
    this.#report(
      `Another message with the id ${id} is not acknowledged yet: this message is sent at most once.`,
    );
  }

  #call<Value, Result>(
    name: string,
    call: ((value: Value) => Result) | undefined,
    value: Value,
    consequence: string,
  ): Result | undefined {
    try {
      return call?.(value);
    } catch (cause) {
      this.#report(`outbox.${name} threw an error: ${consequence}.`, cause);
      return undefined;
    }
  }

  #report(message: string, cause?: unknown): void {
    this.#onError(new JetSocketError(message, { code: "OUTBOX_FUNCTION_FAILED", cause }));
  }
}
