// Listening to `AbortSignal`s without leaks. It does not create signals.

/** The callbacks registered for one signal, and the single listener that calls them. */
interface SharedListener {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedListeners = new WeakMap<AbortSignal, SharedListener>();

/**
 * Calls `callback` when `signal` is aborted. A signal gets one listener for all callbacks, because Node warns of a
 * memory leak above ten listeners.
 *
 * @returns A function that removes the callback.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = sharedListeners.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    sharedListeners.delete(signal);
  };
}

function listen(signal: AbortSignal): SharedListener {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    for (const callback of [...callbacks]) callback();
  };
  const entry = { callbacks, listener };
  sharedListeners.set(signal, entry);
  signal.addEventListener("abort", listener);
  return entry;
}

/**
 * The object that the signal's callback refers to. It references the target weakly, or strongly while `strongTarget` is
 * set.
 */
interface TargetReference<Target extends object> {
  readonly reference: WeakRef<Target>;
  strongTarget: Target | undefined;
  stop: () => void;
}

/** Removes the listeners of garbage-collected targets. It keeps neither the signal nor the target alive. */
const collected = new FinalizationRegistry<WeakRef<{ readonly stop: () => void }>>((targetReference) =>
  targetReference.deref()?.stop(),
);

/**
 * Listens to a signal for a target. The signal keeps the target alive only between {@link retain} and {@link release}.
 */
export class WeakAbortListener<Target extends object> {
  readonly #targetReference: TargetReference<Target>;

  /** @param callback - Called with the target. Its closure must not reference the target. */
  constructor(signal: AbortSignal, target: Target, callback: (target: Target) => void) {
    this.#targetReference = listenWeakly(signal, new WeakRef(target), callback);
    collected.register(target, new WeakRef(this.#targetReference), this);
  }

  /** Makes the signal keep the target alive. */
  retain(): void {
    this.#targetReference.strongTarget = this.#targetReference.reference.deref();
  }

  /** Allows the target to be garbage-collected before the signal. */
  release(): void {
    this.#targetReference.strongTarget = undefined;
  }

  /** Removes the listener. */
  stop(): void {
    this.release();
    collected.unregister(this);
    this.#targetReference.stop();
  }
}

/** A function outside the class, so that the closure of the callback does not reference the target. */
function listenWeakly<Target extends object>(
  signal: AbortSignal,
  reference: WeakRef<Target>,
  callback: (target: Target) => void,
): TargetReference<Target> {
  const targetReference: TargetReference<Target> = {
    reference,
    strongTarget: undefined,
    stop: () => undefined,
  };
  targetReference.stop = onAbort(signal, () => {
    const target = targetReference.strongTarget ?? reference.deref();
    if (target !== undefined) callback(target);
  });
  return targetReference;
}
