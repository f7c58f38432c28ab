/** Listens to abort signals with one listener per signal, because Node warns of a memory leak above ten listeners. */

export class SharedAborts {
  readonly #bySignal = new Map<
    AbortSignal,
    { readonly callbacks: Set<() => void>; readonly listener: () => void }
  >();

  /** Calls `callback` when the signal is aborted. @returns A function that removes the callback. */
  add(signal: AbortSignal | undefined, callback: () => void): () => void {
    if (signal === undefined) return () => undefined;
    const shared = this.#bySignal.get(signal) ?? this.#listen(signal);
    shared.callbacks.add(callback);
    return () => {
      shared.callbacks.delete(callback);
      if (shared.callbacks.size > 0 || this.#bySignal.get(signal) !== shared) return;
      signal.removeEventListener("abort", shared.listener);
      this.#bySignal.delete(signal);
    };
  }

  #listen(signal: AbortSignal): { readonly callbacks: Set<() => void>; readonly listener: () => void } {
    const callbacks = new Set<() => void>();
    const shared = {
      callbacks,
      listener: () => {
        this.#bySignal.delete(signal);
        for (const callback of [...callbacks]) callback();
      },
    };
    this.#bySignal.set(signal, shared);
    signal.addEventListener("abort", shared.listener, { once: true });
    return shared;
  }
}
