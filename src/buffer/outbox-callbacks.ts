import { JetSocketError } from "../errors.js";
import type { MessageId } from "./outbox-entry.js";
import type { OutboxPolicy } from "./outbox-policy.js";

const nothing: readonly MessageId[] = [];

/** Asks the user's functions for ids and keys; one that throws or gives what cannot be used is told, and gives none. */
export class OutboxCallbacks<Sent, Received> {
  readonly #policy: OutboxPolicy<Sent, Received>;
  readonly #onError: (error: JetSocketError) => void;

  constructor(policy: OutboxPolicy<Sent, Received>, onError: (error: JetSocketError) => void) {
    this.#policy = policy;
    this.#onError = onError;
  }

  idOf(sent: Sent): MessageId | undefined {
    const consequence = "this message is sent at most once";
    const id: unknown = this.#call("idOf", this.#policy.acknowledgement?.idOf, sent, consequence);
    if (id === undefined || id === null) return undefined;
    if (typeof id === "string" || typeof id === "number" || typeof id === "bigint") return id;
    this.#report(`outbox.idOf must give a string, a number or a bigint, not a ${typeof id}: ${consequence}.`);
    return undefined;
  }

  keyOf(sent: Sent): unknown {
    return this.#call("keyOf", this.#policy.keyOf, sent, "this message has no key") ?? undefined;
  }

  /** The ids that a received message acknowledges; what is no id of ours is let through. */
  acknowledgedIds(received: Received): readonly MessageId[] {
    const { acknowledgement } = this.#policy;
    const ids = this.#call("acknowledges", acknowledgement?.acknowledges, received, "nothing is acknowledged");
    if (ids === undefined || ids === null) return nothing;
    return Array.isArray(ids) ? (ids as readonly MessageId[]) : [ids as MessageId];
  }

  /** `id` is that of another message, which is not acknowledged. */
  reportDuplicateId(id: MessageId): void {
    this.#report(`Another message of the id ${id} is not acknowledged yet: this one is sent at most once.`);
  }

  #call<Value, Answer>(
    name: string,
    call: ((value: Value) => Answer) | undefined,
    value: Value,
    consequence: string,
  ): Answer | undefined {
    try {
      return call?.(value);
    } catch (cause) {
      this.#report(`outbox.${name} has thrown: ${consequence}.`, cause);
      return undefined;
    }
  }

  #report(message: string, cause?: unknown): void {
    this.#onError(new JetSocketError(message, { code: "OUTBOX_FUNCTION_FAILED", cause }));
  }
}
