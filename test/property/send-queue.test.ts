import fc from "fast-check";
import { expect, it } from "vitest";
import { type SendEvents, type SendMarks, SendQueue } from "../../src/connection/send-queue.js";
import { PendingMessage } from "../../src/connection/pending-message.js";
import { BufferOverflowError, TimeoutError } from "../../src/errors.js";
import { cases } from "../support/cases.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { readFrames } from "../support/wire.js";

/** The state of a message, as its caller and the wire see it. */
interface Sent {
  readonly id: number;
  readonly size: number;
  readonly isRefused: boolean;
  /** True when the message has a token, with which it is returned to its owner. */
  readonly hasToken: boolean;
  readonly controller: AbortController;
  readonly blob: ((content: Uint8Array | Error) => void) | undefined;
  outcome: unknown;
  /** The number of `onWithdrawn` calls. */
  withdrawnCount: number;
}

interface Flush {
  /** The number of messages sent before the flush. */
  readonly precedingCount: number;
  outcome: unknown;
  /** The ids of the written messages when the flush resolved. */
  written: readonly number[];
}

interface Message {
  readonly kind: "send" | "trySend" | "blob";
  readonly size: number;
  readonly timeout: number | undefined;
  readonly hasToken: boolean;
}

type Operation =
  | Message
  | { readonly kind: "abort" | "give" | "fail"; readonly which: number }
  | { readonly kind: "take" | "flush" }
  | { readonly kind: "pass"; readonly ms: number };

const maxSize = 300;
const size = fc.oneof(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 4, max: maxSize }));
const timeout = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined });

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom("send", "send", "trySend", "blob"),
      size,
      timeout,
      hasToken: fc.boolean(),
    }),
    fc.record({ kind: fc.constantFrom("abort", "give", "give", "fail"), which: fc.nat(30) }),
    fc.record({ kind: fc.constantFrom("take", "take", "flush") }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(10) }),
  ),
  { maxLength: 80 },
);

const someMarks: fc.Arbitrary<SendMarks> = fc
  .tuple(fc.integer({ min: 1, max: 200 }), fc.nat(100), fc.nat(400))
  .map(([high, low, more]) => ({
    highWaterMark: high,
    lowWaterMark: Math.floor((high * low) / 100),
    maxBufferedAmount: high + more,
  }));

/** The payload of a message: its id, and bytes derived from it. */
function payloadOf(id: number, length: number): Buffer {
  const payload = Buffer.alloc(length, id);
  payload.writeUInt32BE(id, 0);
  return payload;
}

/** RFC 6455 5.2: the header and the masking key precede the payload. */
function frameSizeOf({ size: length }: Sent): number {
  return length + (length < 126 ? 6 : 8);
}

/** A queue with a socket that writes one piece per step, and all calls to the queue. */
class QueueModel {
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly end: ProtocolEnd = new ProtocolEnd();
  readonly queue: SendQueue;
  readonly sent: Sent[] = [];
  readonly flushes: Flush[] = [];
  readonly #marks: SendMarks;
  #wire: Buffer = Buffer.alloc(0);
  /** True when the high-water mark was reached, so that `onDrain` must follow. */
  #isDrainDue = false;

  constructor(marks: SendMarks) {
    this.#marks = marks;
    const writer = { wake: () => undefined, flush: () => undefined };
    const events: SendEvents = {
      onWithdrawn: (token) => {
        (token as Sent).withdrawnCount++;
      },
      onSampled: (duration) => expect(duration).toBeGreaterThanOrEqual(0),
      onDrain: () => {
        expect(this.#isDrainDue).toBe(true);
        expect(this.queue.bufferedAmount).toBeLessThanOrEqual(marks.lowWaterMark);
        this.#isDrainDue = false;
      },
    };
    this.queue = new SendQueue(this.end.connection, this.counting.runtime, marks, writer, events, {
      onRefused: () => undefined,
    });
  }

  /** The ids of the messages that were written. */
  get written(): number[] {
    return idsOf(readFrames(this.#wire).map(({ payload }) => payload));
  }

  async act(operation: Operation): Promise<void> {
    this.#perform(operation);
    await promisesSettled();
    const { bufferedAmount } = this.queue;
    const { highWaterMark, lowWaterMark } = this.#marks;
    if (bufferedAmount >= highWaterMark) this.#isDrainDue = true;
    // If both marks are equal, an amount at the mark does not cause `onDrain`.
    else expect(this.#isDrainDue && bufferedAmount <= lowWaterMark).toBe(false);
    expect(this.end.connection.bufferedSize).toBeLessThan(this.#marks.highWaterMark + maxSize + 8);
  }

  #perform(operation: Operation): void {
    switch (operation.kind) {
      case "send":
      case "trySend":
      case "blob":
        this.#send(operation);
        break;
      case "abort":
        this.sent[operation.which]?.controller.abort("aborted");
        break;
      case "give": {
        const one = this.sent[operation.which];
        one?.blob?.(payloadOf(one.id, one.size));
        break;
      }
      case "fail":
        this.sent[operation.which]?.blob?.(new Error("unreadable"));
        break;
      case "take":
        this.#take();
        break;
      case "flush":
        this.#flush();
        break;
      case "pass":
        this.clock.advance(operation.ms);
        break;
    }
  }

  #send({ kind, size: length, timeout: after, hasToken }: Message): void {
    const id = this.sent.length;
    const waiting = this.queue.bufferedAmount;
    const isRefused = waiting > 0 && waiting + length > this.#marks.maxBufferedAmount;
    const controller = new AbortController();
    let blob: Sent["blob"];
    const read = (): Promise<Uint8Array> =>
      new Promise((resolve, reject) => {
        blob = (given) => (given instanceof Error ? reject(given) : resolve(given));
      });
    const content = kind === "blob" ? read() : undefined;
    content?.catch(() => undefined);
    const payload = payloadOf(id, length);
    const data = content === undefined ? payload : new PendingMessage({ id }, length, () => content);
    const one: Sent = {
      ...{ id, size: length, isRefused, hasToken, controller, blob },
      ...{ outcome: undefined, withdrawnCount: 0 },
    };
    const token = hasToken ? one : undefined;
    this.sent.push(one);
    if (kind === "trySend") {
      expect(this.queue.trySend(data, undefined, token) === undefined).toBe(isRefused);
      one.outcome = "answered";
    } else {
      const promise = this.queue.send(data, { signal: controller.signal, timeout: after }, token);
      observe(promise, (outcome) => (one.outcome = outcome));
    }
    // The caller reuses its buffer.
    payload.fill(0xee);
  }

  #flush(): void {
    const flush: Flush = { precedingCount: this.sent.length, outcome: undefined, written: [] };
    this.flushes.push(flush);
    observe(this.queue.flush(undefined), (outcome) => {
      flush.outcome = outcome;
      flush.written = this.written;
    });
  }

  #take(): void {
    const bytes = this.end.connection.take();
    if (bytes === undefined) return;
    this.#wire = Buffer.concat([this.#wire, bytes]);
    this.end.connection.written();
    this.queue.pump();
  }

  /** Resolves every Blob, and writes all output. */
  async drain(): Promise<void> {
    for (const { id } of this.sent) await this.act({ kind: "give", which: id });
    while (this.end.connection.hasOutput) await this.act({ kind: "take" });
    expect([this.queue.bufferedAmount, this.queue.isEmpty]).toEqual([0, true]);
    for (const { outcome } of this.flushes) expect(outcome).toBe("done");
  }

  /** Ends the queue, and checks that each message is in one place, with the right outcome. */
  async finish(): Promise<void> {
    const { queue, sent, written } = this;
    const accepted = { count: queue.acceptedCount, size: queue.bufferedAmount + this.#wire.length };
    const { framedCount } = this.end.connection;
    const taken = this.end.connection.takeUnsent();
    const unsent = queue.takeUnsent(taken, framedCount).map(({ data, token }) => {
      const one = sent[idOf(data)]!;
      expect(token).toBe(one.hasToken ? one : undefined);
      return one.id;
    });
    const unframed = unsent.slice(taken.length);
    const framed = [...written, ...unsent.slice(0, taken.length)];
    expect(queue.acceptedCount).toBe(written.length);
    queue.end("gone");
    this.clock.advance(1_000);
    // A Blob that is read too late has no effect.
    for (const { blob } of sent) blob?.(new Error("too late"));
    await promisesSettled();

    const inOrder = [...framed, ...unframed];
    expect(inOrder).toEqual([...new Set(inOrder)].sort((one, other) => one - other));
    expect(accepted.count).toBe(inOrder.length);
    expect(accepted.size).toBe(inOrder.reduce((sum, id) => sum + frameSizeOf(sent[id]!), 0));
    const waiting = new Set(unframed);
    for (const one of sent) this.#checkOutcome(one, new Set(framed).has(one.id), waiting.has(one.id));
    for (const flush of this.flushes) {
      if (flush.outcome === "gone") continue;
      expect(flush.outcome).toBe("done");
      expect(flush.written).toEqual(expect.arrayContaining(framed.filter((id) => id < flush.precedingCount)));
    }
    this.counting.assertIdle();
  }

  #checkOutcome(
    { isRefused, hasToken, outcome, withdrawnCount }: Sent,
    isFramed: boolean,
    isWaiting: boolean,
  ): void {
    expect(outcome).toBeDefined();
    // Each message is in one place: in a frame, returned to its owner, or withdrawn.
    const isWithdrawn = !isFramed && !isWaiting && outcome !== "answered";
    expect(withdrawnCount).toBe(hasToken && isWithdrawn ? 1 : 0);
    const isCancelled = outcome === "aborted" || outcome instanceof TimeoutError;
    if (outcome === "answered") expect(isFramed || isWaiting).toBe(!isRefused);
    else if (isRefused) expect(outcome).toBeInstanceOf(BufferOverflowError);
    else if (isWaiting) expect(outcome).toBe(hasToken ? "done" : "gone");
    // A framed message will be written, even if its caller has given up.
    else if (isFramed) expect(outcome === "done" || outcome === "gone" || isCancelled).toBe(true);
    // Any other message was withdrawn.
    else expect(isCancelled || (outcome as Error).message === "unreadable").toBe(true);
  }
}

function observe(promise: Promise<unknown>, settle: (outcome: unknown) => void): void {
  promise.then(() => settle("done"), settle);
}

/** Waits until every promise that can settle has settled. */
async function promisesSettled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

/** The id of a returned message, from its bytes or from its unread Blob. */
function idOf(data: unknown): number {
  return data instanceof PendingMessage ? (data.source as Sent).id : idsOf([data as Buffer])[0]!;
}

/** The ids of complete messages. Expects that the payloads are unchanged. */
function idsOf(payloads: readonly Buffer[]): number[] {
  return payloads.map((payload) => {
    const id = payload.readUInt32BE(0);
    expect(payload.equals(payloadOf(id, payload.length))).toBe(true);
    return id;
  });
}

it("a send queue keeps its order and limits, loses and duplicates no message, and settles every promise", async () => {
  await fc.assert(
    fc.asyncProperty(someMarks, operations, fc.boolean(), async (marks, given, isDrained) => {
      const model = new QueueModel(marks);
      for (const operation of given) await model.act(operation);
      if (isDrained) await model.drain();
      await model.finish();
    }),
    { numRuns: cases(300) },
  );
});
