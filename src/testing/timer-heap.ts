/**
 * A binary heap of virtual timers. It does not advance time and does not call their callbacks.
 */
import type { Timer } from "../runtime/runtime.js";

/** A timer of a {@link TimerHeap}. Timers with the same due time fire in the order in which they were created. */
export class VirtualTimer implements Timer {
  readonly dueAt: number;
  readonly order: number;
  readonly callback: () => void;
  /** Index in the heap; -1 if the timer is not in the heap. */
  position = -1;
  isRef = true;
  readonly #heap: TimerHeap;

  constructor(heap: TimerHeap, dueAt: number, order: number, callback: () => void) {
    this.#heap = heap;
    this.dueAt = dueAt;
    this.order = order;
    this.callback = callback;
  }

  clear(): void {
    this.#heap.remove(this);
  }

  ref(): void {
    this.isRef = true;
  }

  unref(): void {
    this.isRef = false;
  }

  isBefore(other: VirtualTimer): boolean {
    return this.dueAt < other.dueAt || (this.dueAt === other.dueAt && this.order < other.order);
  }
}

/** Timers ordered by due time. Adding or removing a timer takes logarithmic time. */
export class TimerHeap {
  readonly #timers: VirtualTimer[] = [];
  #count = 0;

  /** The timer with the earliest due time. */
  get first(): VirtualTimer | undefined {
    return this.#timers[0];
  }

  /** Whether a timer would keep the process alive. */
  get hasRef(): boolean {
    return this.#timers.some(({ isRef }) => isRef);
  }

  add(dueAt: number, callback: () => void): VirtualTimer {
    const timer = new VirtualTimer(this, dueAt, this.#count++, callback);
    this.#timers.push(timer);
    this.#rise(timer, this.#timers.length - 1);
    return timer;
  }

  /** Removes a timer. Has no effect if the timer is not in the heap. */
  remove(timer: VirtualTimer): void {
    const { position } = timer;
    if (position < 0) return;
    timer.position = -1;
    const last = this.#timers.pop()!;
    if (last === timer) return;
    this.#rise(last, position);
    this.#sink(last);
  }

  #place(timer: VirtualTimer, position: number): void {
    this.#timers[position] = timer;
    timer.position = position;
  }

  #rise(timer: VirtualTimer, from: number): void {
    let position = from;
    while (position > 0) {
      const above = this.#timers[(position - 1) >> 1]!;
      if (above.isBefore(timer)) break;
      this.#place(above, position);
      position = (position - 1) >> 1;
    }
    this.#place(timer, position);
  }

  #sink(timer: VirtualTimer): void {
    let { position } = timer;
    for (;;) {
      const left = this.#timers[2 * position + 1];
      const right = this.#timers[2 * position + 2];
      const below = right !== undefined && left !== undefined && right.isBefore(left) ? right : left;
      if (below === undefined || timer.isBefore(below)) break;
      const next = below.position;
      this.#place(below, position);
      position = next;
    }
    this.#place(timer, position);
  }
}
