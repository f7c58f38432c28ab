/** Who waits for a signal, and the one listener that it carries for all of them. */
interface SharedListener {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedListeners = new WeakMap<AbortSignal, SharedListener>();

/**
 * Calls `callback` once `signal` is aborted, until the function that is returned is called.
 * However many wait, a signal carries one listener of ours: Node warns of a leak where it has more than ten.
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

/** What the signal refers to: the target, or only a weak reference to it. */
interface TargetReference<Target extends object> {
  readonly reference: WeakRef<Target>;
  held: Target | undefined;
  stop: () => void;
}

/** Removes the listeners whose target was garbage-collected. Weak, so that it keeps neither signal nor target alive. */
const collected = new FinalizationRegistry<WeakRef<{ readonly stop: () => void }>>((targetReference) =>
  targetReference.deref()?.stop(),
);

/** Listens to a signal for a target, which the signal keeps alive only between {@link hold} and {@link release}. */
export class WeakAbortListener<Target extends object> {
  readonly #targetReference: TargetReference<Target>;

  /** @param callback - Is called with the target, and must not refer to it in another way. */
  constructor(signal: AbortSignal, target: Target, callback: (target: Target) => void) {
    this.#targetReference = listenWeakly(signal, new WeakRef(target), callback);
    collected.register(target, new WeakRef(this.#targetReference), this);
  }

  /** The signal keeps the target alive from now on. */
  hold(): void {
    this.#targetReference.held = this.#targetReference.reference.deref();
  }

  /** The signal does not keep the target alive any more. */
  release(): void {
    this.#targetReference.held = undefined;
  }

  /** Ends the listening. */
  stop(): void {
    this.release();
    collected.unregister(this);
    this.#targetReference.stop();
  }
}

/** Outside of the class, so that the callback on the signal has no reference to the target in its closure. */
function listenWeakly<Target extends object>(
  signal: AbortSignal,
  reference: WeakRef<Target>,
  callback: (target: Target) => void,
): TargetReference<Target> {
  const targetReference: TargetReference<Target> = { reference, held: undefined, stop: () => undefined };
  targetReference.stop = onAbort(signal, () => {
    const target = targetReference.held ?? reference.deref();
    if (target !== undefined) callback(target);
  });
  return targetReference;
}
