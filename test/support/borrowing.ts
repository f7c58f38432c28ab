// Helpers for tests of borrowed `rawMessage` handlers: they record views of the read buffer. They do not keep the
// views.
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import type { BorrowedMessage } from "../../src/index.js";
import type { CountingRuntime } from "./counting-runtime.js";
import type { RecordedClient } from "./scene.js";
import { binaryFrame, textFrame } from "./wire.js";

type Client = RecordedClient["ws"];

/** A message as a borrowed handler received it. */
export interface ReceivedView {
  readonly text: string;
  readonly isBinary: boolean;
  /** True when the bytes are a view of the buffer into which sockets are read. */
  readonly isView: boolean;
}

/** Adds a borrowed handler and records every message that it receives. */
export function borrow(
  scene: { readonly counting: CountingRuntime },
  ws: Client,
): { readonly received: ReceivedView[]; readonly end: () => void } {
  const { readBuffer } = sharedResources(scene.counting.runtime);
  const received: ReceivedView[] = [];
  const listener = ({ data, isBinary }: BorrowedMessage): void => {
    received.push({ text: data.toString(), isBinary, isView: data.buffer === readBuffer.buffer });
  };
  ws.on("rawMessage", listener, { borrowed: true });
  return { received, end: () => void ws.off("rawMessage", listener) };
}

export const textsOf = (received: readonly ReceivedView[]): string[] => received.map(({ text }) => text);

/** Five messages: three short ASCII texts, one non-ASCII text, and a binary message. */
export function mixed(from: number): Buffer[] {
  return [...[from, from + 1, from + 2].map(String), `é${from + 3}`]
    .map((text) => textFrame(text))
    .concat(binaryFrame(Buffer.from(`b${from + 4}`)));
}

export const mixedTexts = (from: number): string[] => [
  ...[from, from + 1, from + 2].map(String),
  ...[`é${from + 3}`, `b${from + 4}`],
];
