import { findWrongOption, ownCallOptions } from "../../options/call-options.js";

export interface ListenerOptions {
  /** For `rawMessage` alone: the bytes are lent to the handler, not copied or decoded for it. Default `false`. */
  readonly borrowed?: boolean | undefined;
}

const names = ["borrowed"];

/** @throws TypeError for what is no option of `on`, or not there. */
export function mayBorrow(call: "on" | "once", name: string, options: ListenerOptions | undefined): boolean {
  const wrong = findWrongOption(options, names);
  if (wrong !== undefined) throw wrong;
  if (ownCallOptions(options, names)?.borrowed !== true) return false;
  if (name !== "rawMessage")
    throw new TypeError(`Only a handler of "rawMessage" may be borrowed, not one of "${name}".`);
  if (call === "once")
    throw new TypeError(
      "once() has no borrowed handlers: what it is told of is kept for readers, and so copied. Use on(), and off() from inside the handler.",
    );
  return true;
}
