import fc from "fast-check";
import { expect, it } from "vitest";
import { Inbox, type InboxBounds, type InboxDemand } from "../../src/buffer/inbox.js";
import { cases } from "../support/cases.js";

interface Message {
  readonly id: number;
  readonly size: number;
}

/** A model of the inbox, based on a plain list. */
class Model {
  readonly bounds: InboxBounds;
  waiting: Message[] = [];
  readonly dropped: number[] = [];
  hasReader = false;
  isClosing = false;

  constructor(bounds: InboxBounds) {
    this.bounds = bounds;
  }

  get bytes(): number {
    return this.waiting.reduce((sum, { size }) => sum + size, 0);
  }

  #fits(message: Message, times: number): boolean {
    if (this.waiting.length === 0) return true;
    const { capacity, maxBytes } = this.bounds;
    return this.waiting.length < capacity * times && this.bytes + message.size <= maxBytes * times;
  }

  push(message: Message): InboxDemand {
    const { overflow, capacity, maxBytes } = this.bounds;
    if (this.isClosing) {
      if (this.#fits(message, 2)) this.waiting.push(message);
      else this.dropped.push(message.id);
      return "none";
    }
    const policy = this.hasReader ? overflow : "dropOldest";
    if (policy === "pause") {
      this.waiting.push(message);
      return this.waiting.length >= capacity || this.bytes >= maxBytes ? "pause" : "none";
    }
    if (policy === "dropOldest") {
      while (!this.#fits(message, 1)) this.dropped.push(this.waiting.shift()!.id);
    } else if (!this.#fits(message, 1)) {
      this.dropped.push(message.id);
      return policy === "error" ? "fail" : "none";
    }
    this.waiting.push(message);
    return "none";
  }
}

interface Real {
  readonly inbox: Inbox<Message>;
  readonly dropped: number[];
  readonly taken: number[];
  pushed: number;
}

abstract class Step implements fc.Command<Model, Real> {
  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.act(model, real);
    const { inbox } = real;
    expect(inbox.length).toBe(model.waiting.length);
    const { capacity, maxBytes } = model.bounds;
    expect(inbox.isHalfFree).toBe(model.waiting.length <= capacity / 2 && model.bytes <= maxBytes / 2);
    expect(real.dropped).toEqual(model.dropped);
    // No message is lost or duplicated: each waits, was taken, or was reported as dropped.
    const seen = [...real.taken, ...real.dropped, ...model.waiting.map(({ id }) => id)];
    expect(seen.sort((one, other) => one - other)).toEqual(
      Array.from({ length: real.pushed }, (_, id) => id),
    );
  }

  abstract act(model: Model, real: Real): void;

  toString(): string {
    return this.constructor.name;
  }
}

class Push extends Step {
  readonly #size: number;

  constructor(size: number) {
    super();
    this.#size = size;
  }

  act(model: Model, real: Real): void {
    const message = { id: real.pushed++, size: this.#size };
    expect(real.inbox.push(message)).toBe(model.push(message));
  }

  override toString(): string {
    return `Push ${this.#size}`;
  }
}

class Take extends Step {
  act(model: Model, real: Real): void {
    const entry = real.inbox.shift();
    expect(entry).toBe(model.waiting.shift());
    if (entry !== undefined) real.taken.push(entry.id);
  }
}

/** Removes a waiting message at any position, or tries to remove one that does not wait. */
class Remove extends Step {
  readonly #at: number;

  constructor(at: number) {
    super();
    this.#at = at;
  }

  act(model: Model, real: Real): void {
    const index = this.#at % (model.waiting.length + 1);
    const entry = model.waiting[index] ?? { id: -1, size: 5 };
    const isWaiting = index < model.waiting.length;
    expect(real.inbox.remove(entry)).toBe(isWaiting);
    if (isWaiting) real.taken.push(model.waiting.splice(index, 1)[0]!.id);
    expect(real.inbox.waiting).toEqual(model.waiting);
    expect(real.inbox.bytes).toBe(model.bytes);
  }

  override toString(): string {
    return `Remove ${this.#at}`;
  }
}

class Clear extends Step {
  act(model: Model, real: Real): void {
    model.dropped.push(...model.waiting.splice(0).map(({ id }) => id));
    real.inbox.clear();
  }
}

class BeginReading extends Step {
  act(model: Model, { inbox }: Real): void {
    model.hasReader = true;
    inbox.beginReading();
  }
}

class EndReading extends Step {
  act(model: Model, { inbox }: Real): void {
    model.hasReader = false;
    inbox.endReading();
  }
}

class BeginClosing extends Step {
  act(model: Model, { inbox }: Real): void {
    model.isClosing = true;
    inbox.beginClosing();
  }
}

class Reopen extends Step {
  act(model: Model, { inbox }: Real): void {
    model.isClosing = false;
    model.hasReader = false;
    inbox.reopen();
  }
}

const step = <Kind extends Step>(kind: new () => Kind): fc.Arbitrary<Kind> =>
  fc.constant(null).map(() => new kind());

const steps = fc.commands(
  [
    fc.nat(60).map((size) => new Push(size)),
    fc.nat(9).map((size) => new Push(size)),
    fc.nat(20).map((at) => new Remove(at)),
    ...[Take, Take, BeginReading, EndReading, BeginClosing, Reopen, Clear].map((kind) => step(kind)),
  ],
  { maxCommands: 120 },
);

const bounds: fc.Arbitrary<InboxBounds> = fc.record({
  capacity: fc.integer({ min: 1, max: 8 }),
  maxBytes: fc.integer({ min: 1, max: 100 }),
  overflow: fc.constantFrom("pause", "dropOldest", "dropNewest", "error"),
});

it("an inbox behaves like a plain list, and stays within its limits", () => {
  fc.assert(
    fc.property(bounds, steps, (given, commands) => {
      fc.modelRun(() => {
        const dropped: number[] = [];
        const inbox = new Inbox<Message>(given, ({ id }) => dropped.push(id));
        return { model: new Model(given), real: { inbox, dropped, taken: [], pushed: 0 } };
      }, commands);
    }),
    { numRuns: cases(300) },
  );
});

it("an inbox whose demands are obeyed exceeds its limits by at most one message", () => {
  const sizes = fc.array(fc.nat(40), { maxLength: 200 });
  fc.assert(
    fc.property(bounds, sizes, fc.array(fc.nat(3)), (given, incoming, takes) => {
      let [isPaused, bytes] = [false, 0];
      const inbox = new Inbox<Message>(given, ({ size }) => (bytes -= size));
      inbox.beginReading();
      const [waiting, taking] = [[...incoming], [...takes]];
      for (let id = 0; waiting.length > 0; id++) {
        if (!isPaused) {
          const message = { id, size: waiting.shift()! };
          bytes += message.size;
          isPaused = inbox.push(message) === "pause";
        }
        const isWithin = inbox.length <= given.capacity && bytes < given.maxBytes + 40;
        expect(isWithin || inbox.length === 1).toBe(true);
        for (let count = taking.shift() ?? 1; count > 0; count--) bytes -= inbox.shift()?.size ?? 0;
        if (isPaused && inbox.isHalfFree) isPaused = false;
      }
    }),
    { numRuns: cases(300) },
  );
});
