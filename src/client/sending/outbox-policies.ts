// The policy of the temporary outbox of a rotation. This module does not store messages.
import type { OutboxPolicy } from "../../buffer/outbox-policy.js";
import { freeOverhead } from "../../connection/message-memory.js";
import { BufferOverflowError } from "../../errors.js";

/**
 * The policy of the temporary outbox that a client without the option `outbox` uses during a rotation.
 *
 * @param maxBytes - Returns the current limit. It is called for each message, because each write of the previous
 *   connection frees memory and therefore raises the limit.
 */
export function rotationPolicy<Received, Sent>(maxBytes: () => number): OutboxPolicy<Sent, Received> {
  return {
    ...{ capacity: Infinity, ttl: undefined, overflow: "error", freeOverhead },
    ...{ perSecond: undefined, keyOf: undefined, idOf: undefined, acknowledges: undefined },
    get maxBytes(): number {
      return maxBytes();
    },
  };
}

/** The messages that wait during a rotation. */
interface RotationLoad {
  readonly length: number;
  readonly bytes: number;
  readonly previousBytes: number;
  readonly maxBufferedAmount: number;
}

export function rotationOverflow(state: RotationLoad): BufferOverflowError {
  return new BufferOverflowError(
    `A message was refused: while the connection is replaced, ${state.length} messages of ${state.bytes} bytes wait ` +
      `for the new connection, and ${state.previousBytes} bytes for the old connection; maxBufferedAmount is ` +
      `${state.maxBufferedAmount}. Await send(), or stop sending until "rotated".`,
  );
}
