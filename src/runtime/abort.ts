// Listens to an `AbortSignal` without a memory leak. This module does not create signals.

/** The callbacks for one signal, and the single listener that calls them. */
interface SharedListener {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedListeners = new WeakMap<AbortSignal, SharedListener>();

/**
 * Calls `callback` when `signal` is aborted. All callbacks of a signal share one listener, because Node warns of a
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

/** Removes the listener of a garbage-collected target. This registry keeps neither the signal nor the target alive. */
const collected = new FinalizationRegistry<WeakRef<{ stop(): void }>>((listener) => listener.deref()?.stop());

/**
 * Calls a function for an object, the target, when a signal is aborted. The signal keeps the target alive only between
 * {@link retain} and {@link release}.
 */
export class WeakAbortListener<Target extends object> {
  readonly #target: WeakRef<Target>;
  /** The target, while {@link retain} keeps it alive; otherwise `undefined`. */
  #retained: Target | undefined;
  readonly #stopListening: () => void;

  /** @param callback - Called with the target. The callback itself must not reference the target. */
  constructor(signal: AbortSignal, target: Target, callback: (target: Target) => void) {
    this.#target = new WeakRef(target);
    // The signal references this closure. Therefore the closure must not reference the parameter `target`.
    this.#stopListening = onAbort(signal, () => {
      const current = this.#retained ?? this.#target.deref();
      if (current !== undefined) callback(current);
    });
    collected.register(target, new WeakRef(this), this);
  }

  /** Makes the signal keep the target alive. */
  retain(): void {
    this.#retained = this.#target.deref();
  }

  /** Allows the target to be garbage-collected while the signal still exists. */
  release(): void {
    this.#retained = undefined;
  }

  /** Removes the listener. */
  stop(): void {
    this.release();
    collected.unregister(this);
    this.#stopListening();
  }
}
