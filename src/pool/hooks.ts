/** Calls the hooks `validate` and `reset` of a pool. It does not close connections. */
import type { Runtime } from "../index.js";
import { type ViewSource, HookView } from "./connection.js";
import { PoolError } from "./errors.js";
import type { ResolvedOptions } from "./resolve-options.js";

type HookName = "validate" | "reset";

export interface HookContext {
  readonly runtime: Runtime;
  readonly hookTimeout: number;
}

/**
 * Calls a hook with a view of the connection.
 *
 * @returns what the hook returned. @throws PoolError if the hook throws an error or takes longer than `hookTimeout`; the
 *   reason of `ended` if the connection ends first.
 */
export async function callHook(
  name: HookName,
  hook: NonNullable<ResolvedOptions[HookName]>,
  source: ViewSource<unknown, unknown>,
  { runtime, hookTimeout }: HookContext,
): Promise<unknown> {
  const view = new HookView(source);
  const controller = new AbortController();
  const { ended } = source;
  let stop!: (reason?: unknown) => void;
  const limit = new Promise<never>((_, reject) => (stop = reject));
  const onEnded = (): void => stop(ended.reason);
  const timer =
    hookTimeout === Infinity
      ? undefined
      : runtime.setTimer(hookTimeout, () =>
          stop(failure(name, `took longer than hookTimeout (${hookTimeout} ms)`)),
        );
  ended.addEventListener("abort", onEnded);
  if (ended.aborted) onEnded();
  try {
    const call = async (): Promise<unknown> => {
      try {
        return await hook(view, controller.signal);
      } catch (cause) {
        throw ended.aborted ? ended.reason : failure(name, "threw an error", cause);
      }
    };
    return await Promise.race([call(), limit]);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    timer?.clear();
    ended.removeEventListener("abort", onEnded);
    // The promise must not stay pending. The race is over, so nobody receives this rejection.
    stop();
    view.end();
  }
}

/** Returns the error for a hook that did not do what it must do. */
export function failure(name: HookName, what: string, cause?: unknown): PoolError {
  const message = `The option ${name} of the pool ${what}. The pool closes the connection.`;
  return new PoolError(message, { code: "POOL_FUNCTION_FAILED", cause });
}
