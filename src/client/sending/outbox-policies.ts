import type { OutboxPolicy } from "../../buffer/outbox-policy.js";
import { freeOverhead } from "../../connection/message-memory.js";
import { BufferOverflowError } from "../../errors.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";

/** The policies of the two kinds of outboxes: that of the option, and that of a rotation without the option. */
export function policyOf<Received, Sent>(
  outbox: NonNullable<ResolvedOptions<Received, Sent>["outbox"]>,
): OutboxPolicy<Sent, Received> {
  const { idOf, acknowledges } = outbox;
  const isAcknowledged = idOf !== undefined && acknowledges !== undefined;
  return { ...outbox, acknowledgement: isAcknowledged ? { idOf, acknowledges } : undefined };
}

/** @param maxBytes - Asked at each send: the old connection frees memory as it writes. */
export function movingPolicy<Received, Sent>(maxBytes: () => number): OutboxPolicy<Sent, Received> {
  return {
    ...{ capacity: Infinity, ttl: undefined, overflow: "error", freeOverhead },
    ...{ perSecond: undefined, keyOf: undefined, acknowledgement: undefined },
    get maxBytes(): number {
      return maxBytes();
    },
  };
}

/** What waits while a connection is replaced. */
interface MovingState {
  readonly length: number;
  readonly bytes: number;
  readonly leavingBytes: number;
  readonly maxBufferedAmount: number;
}

/** @param size - Of the refused message; `undefined` where several calls share the error. */
export function movingOverflow(size: number | undefined, state: MovingState): BufferOverflowError {
  const refused = size === undefined ? "Messages were" : `A message of ${size} bytes was`;
  return new BufferOverflowError(
    `${refused} refused: while the connection is replaced, ${state.length} messages of ${state.bytes} bytes wait for ` +
      `the new one, and ${state.leavingBytes} bytes for the old one; maxBufferedAmount is ${state.maxBufferedAmount}. ` +
      `Await send(), or stop sending until "rotated".`,
  );
}
