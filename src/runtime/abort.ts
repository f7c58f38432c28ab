/** Who waits for a signal, and the one listener that it carries for all of them. */
interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `callback` once `signal` is aborted, until the function that is returned is called.
 * However many wait, a signal carries one listener of ours: Node warns of a leak where it has more than ten.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    for (const callback of [...callbacks]) callback();
  };
  const entry = { callbacks, listener };
  waiting.set(signal, entry);
  signal.addEventListener("abort", listener);
  return entry;
}

/** What the signal refers to: the target, or only a weak reference to it. */
interface Subject<Target extends object> {
  readonly reference: WeakRef<Target>;
  held: Target | undefined;
  stop: () => void;
}

/** Removes the listeners whose target was garbage-collected. Weak, so that it keeps neither signal nor target alive. */
const collected = new FinalizationRegistry<WeakRef<{ readonly stop: () => void }>>((subject) =>
  subject.deref()?.stop(),
);

/** Listens to a signal for a target, which the signal keeps alive only between {@link hold} and {@link release}. */
export class WeakAbortListener<Target extends object> {
  readonly #subject: Subject<Target>;

  /** @param callback - Is called with the target, and must not refer to it in another way. */
  constructor(signal: AbortSignal, target: Target, callback: (target: Target) => void) {
    this.#subject = listenWeakly(signal, new WeakRef(target), callback);
    collected.register(target, new WeakRef(this.#subject), this);
  }

  /** The signal keeps the target alive from now on. */
  hold(): void {
    this.#subject.held = this.#subject.reference.deref();
  }

  /** The signal does not keep the target alive any more. */
  release(): void {
    this.#subject.held = undefined;
  }

  /** Ends the listening. */
  stop(): void {
    this.release();
    collected.unregister(this);
    this.#subject.stop();
  }
}

/** Outside of the class, so that the callback on the signal has no reference to the target in its closure. */
function listenWeakly<Target extends object>(
  signal: AbortSignal,
  reference: WeakRef<Target>,
  callback: (target: Target) => void,
): Subject<Target> {
  const subject: Subject<Target> = { reference, held: undefined, stop: () => undefined };
  subject.stop = onAbort(signal, () => {
    const target = subject.held ?? reference.deref();
    if (target !== undefined) callback(target);
  });
  return subject;
}
