// The options of `on()` and `once()`, and their validation. This module does not add listeners.
import { readCallOptions } from "../../options/call-options.js";

export interface ListenerOptions {
  /**
   * Only for `rawMessage`. The listener receives a view of the bytes, instead of a copy or a string. The view is valid
   * until the listener returns. Default `false`.
   */
  readonly borrowed?: boolean | undefined;
}

/**
 * Returns the value of the option `borrowed`.
 *
 * @throws TypeError for an unknown option, and for `borrowed` with `once()` or with an event other than `rawMessage`.
 */
export function isBorrowed(call: "on" | "once", name: string, options: ListenerOptions | undefined): boolean {
  if (readCallOptions(options, ["borrowed"])?.borrowed !== true) return false;
  if (name !== "rawMessage")
    throw new TypeError(
      `The option "borrowed" is possible only for the event "rawMessage", not for "${name}".`,
    );
  // The message of `once()` is also kept for readers, and therefore copied.
  if (call === "once")
    throw new TypeError(
      'once() does not support the option "borrowed". Use on(), and off() in the listener.',
    );
  return true;
}
