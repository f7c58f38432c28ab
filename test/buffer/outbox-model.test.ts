import fc from "fast-check";
import { expect, it } from "vitest";
import { Outbox } from "../../src/buffer/outbox.js";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";
import type { OutboxDropCause } from "../../src/buffer/outbox-policy.js";
import { cases } from "../support/cases.js";
import { type TestMessage, type ModelPolicy, OutboxModel } from "./outbox-model.js";

type Call =
  | { readonly kind: "send"; readonly size: number; readonly id: number; readonly key: string | undefined }
  | { readonly kind: "next" | "acknowledge" | "withdraw" | "lost" | "wait"; readonly amount: number }
  | { readonly kind: "open" | "pause" | "resume" | "beginClosing" | "end" };

const amount = fc.nat(1_000);
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      size: fc.integer({ min: 0, max: 6 }),
      id: fc.nat(14),
      key: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined, freq: 4 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("next" as const, "wait" as const), amount }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), amount }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lost" as const), amount }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), amount }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("pause" as const, "resume" as const, "beginClosing" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const) }) },
);

const modelPolicy: fc.Arbitrary<ModelPolicy> = fc.record({
  capacity: fc.integer({ min: 1, max: 8 }),
  maxBytes: fc.integer({ min: 1, max: 24 }),
  ttl: fc.constantFrom(Infinity, 60, 300),
  overflow: fc.constantFrom("error", "dropOldest", "conflate"),
  spacing: fc.constantFrom(0, 50),
  hasAcknowledgement: fc.boolean(),
});

/** Calls the outbox and the model with a simulated writer, and compares their visible state. */
class Comparison {
  readonly log: [string, OutboxDropCause][] = [];
  readonly accepted: string[] = [];
  readonly #model: OutboxModel;
  readonly #outbox: Outbox<TestMessage, readonly string[], TestMessage>;
  readonly #entries = new Map<TestMessage, OutboxEntry<TestMessage>>();
  /** The messages that were passed to the writer on this connection, in order. */
  #given: TestMessage[] = [];
  readonly #done = new Set<string>();
  #now = 0;
  #count = 0;

  constructor(policy: ModelPolicy) {
    this.#model = new OutboxModel(policy);
    const { capacity, maxBytes, ttl, overflow, spacing, hasAcknowledgement } = policy;
    this.#outbox = new Outbox(
      {
        ...{ capacity, maxBytes, overflow, keyOf: ({ key }: TestMessage) => key },
        ttl: ttl === Infinity ? undefined : ttl,
        perSecond: spacing === 0 ? undefined : 1_000 / spacing,
        idOf: hasAcknowledgement ? ({ id }: TestMessage) => id : undefined,
        acknowledges: hasAcknowledgement ? (ids) => ids : undefined,
      },
      {
        onDropped: ({ name }, cause) => this.log.push([name, cause]),
        onError: ({ message }) => expect(message).toContain("Another message with the id"),
        isAccepting: () => true,
      },
    );
  }

  run(one: Call): void {
    switch (one.kind) {
      case "send":
        this.#send(one);
        break;
      case "next":
        for (let count = one.amount % 5; count >= 0; count--) this.#next();
        break;
      case "wait":
        this.#now += one.amount % 70;
        break;
      case "acknowledge":
        this.#acknowledge(one.amount);
        break;
      case "withdraw":
        this.#withdraw(one.amount);
        break;
      case "lost":
        this.#lost(one.amount);
        break;
      case "open":
        this.#given = [];
        this.#outbox.open();
        this.#model.open();
        break;
      case "pause":
      case "resume":
      case "beginClosing":
      case "end":
        this.#outbox[one.kind]();
        this.#model[one.kind]();
    }
    this.#compare();
  }

  #send({ size, id, key }: Extract<Call, { kind: "send" }>): void {
    const message = { name: `m${this.#count++}`, size, id: id < 10 ? `${id}` : undefined, key };
    const entry = new OutboxEntry(message, size);
    this.#entries.set(message, entry);
    const answer = this.#outbox.send(entry, message, this.#now);
    expect(answer).toBe(this.#model.send(message, this.#now));
    if (answer === "write") this.#given.push(message);
    if (answer === "write" || answer === "queued" || answer === "dropped") this.accepted.push(message.name);
  }

  #next(): void {
    const entry = this.#outbox.next(this.#now);
    expect(entry?.message.name).toBe(this.#model.next(this.#now));
    if (entry !== undefined) this.#given.push(entry.message);
  }

  #acknowledge(seed: number): void {
    const ids = seed % 11 === 10 ? ["1", "2", "none"] : [`${seed % 11}`];
    for (const name of this.#model.acknowledge(ids)) this.#done.add(name);
    this.#outbox.received(ids);
  }

  #withdraw(seed: number): void {
    const message = [...this.#entries.keys()].at(-1 - (seed % 4));
    if (message === undefined) return;
    this.#outbox.withdraw(this.#entries.get(message)!);
    if (!this.#model.withdraw(message.name)) return;
    this.#done.add(message.name);
    this.#given = this.#given.filter((other) => other !== message);
  }

  #lost(seed: number): void {
    const unsent = this.#given.splice(seed % (this.#given.length + 1));
    this.#given = [];
    const done = new Set([...this.#done, ...this.log.map(([name]) => name)]);
    const entries = unsent.map((message) => {
      // A message that the outbox does not track may return in a new entry.
      const known = this.#entries.get(message)!;
      if (known.state !== "untracked" || seed % 2 !== 0) return known;
      const { expiresAt } = known;
      return Object.assign(new OutboxEntry(message, message.size), { expiresAt });
    });
    unsent.forEach((message, index) => this.#entries.set(message, entries[index]!));
    this.#outbox.connectionLost(entries, this.#now);
    this.#model.connectionLost(unsent, done, this.#now);
  }

  #compare(): void {
    expect(this.log).toEqual(this.#model.log);
    const { length, bytes, waitingCount } = this.#outbox;
    expect([length, bytes, waitingCount]).toEqual([
      this.#model.length,
      this.#model.bytes,
      this.#model.waitingCount,
    ]);
    // `nextAt` of the outbox may refer to a message that has left, but is never later than the next event.
    expect(this.#outbox.nextAt).toBeLessThanOrEqual(this.#model.nextAt);
    expect(this.#outbox.nextAt === Infinity).toBe(
      this.#model.waitingCount === 0 || this.#model.nextAt === Infinity,
    );
  }
}

it("Outbox behaves like a reference implementation and reports no message twice", () => {
  fc.assert(
    fc.property(modelPolicy, fc.array(call, { maxLength: 100, size: "max" }), (policy, calls) => {
      const comparison = new Comparison(policy);
      for (const one of calls) comparison.run(one);
      comparison.run({ kind: "end" });
      const log = comparison.log.map(([name]) => name);
      expect(new Set(log).size).toBe(log.length);
      expect(comparison.accepted).toEqual(expect.arrayContaining(log));
    }),
    { numRuns: cases(1_000) },
  );
});
