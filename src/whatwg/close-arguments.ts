// The arguments of `close()`. It does not close anything.
import { toClampedShort, toUsvString } from "./web-idl.js";

/** A Close frame. Without a code, the frame is empty. */
export interface CloseArguments {
  readonly code: number | null;
  readonly reason: string;
}

const maxReasonSize = 123;

/**
 * Converts and checks the arguments of `close()`.
 *
 * @throws a DOMException: `InvalidAccessError` for a code that is neither 1000 nor in the range 3000 to 4999,
 *   `SyntaxError` for a reason of more than 123 bytes in UTF-8. TypeError for a symbol.
 */
export function toCloseArguments(code: unknown, reason: unknown): CloseArguments {
  const given = code === undefined ? undefined : toClampedShort(code);
  const text = reason === undefined ? "" : toUsvString(reason);
  if (given !== undefined && given !== 1000 && (given < 3000 || given > 4999))
    throw new DOMException(
      `The code ${given} is neither 1000 nor in the range 3000 to 4999.`,
      "InvalidAccessError",
    );
  if (Buffer.byteLength(text) > maxReasonSize)
    throw new DOMException(`The reason has more than ${maxReasonSize} bytes in UTF-8.`, "SyntaxError");
  // A Close frame without a code cannot contain a reason.
  return { code: given ?? (text === "" ? null : 1000), reason: text };
}
