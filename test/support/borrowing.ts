// Helpers for tests of borrowed `rawMessage` handlers: they record views of the read buffer. They do not keep the
// views.
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import type { BorrowedMessage } from "../../src/index.js";
import type { CountingRuntime } from "./counting-runtime.js";
import type { Watching } from "./scene.js";
import { binaryFrame, textFrame } from "./wire.js";

type Client = Watching["ws"];

/** A message as a borrowed handler received it. */
export interface Loan {
  readonly text: string;
  readonly isBinary: boolean;
  /** True when the bytes are a view of the buffer into which sockets are read. */
  readonly isInRead: boolean;
}

/** Adds a borrowed handler and records every message that it receives. */
export function borrow(
  scene: { readonly counting: CountingRuntime },
  ws: Client,
): { readonly loans: Loan[]; readonly end: () => void } {
  const { readBuffer } = sharedResources(scene.counting.runtime);
  const loans: Loan[] = [];
  const listener = ({ data, isBinary }: BorrowedMessage): void => {
    loans.push({ text: data.toString(), isBinary, isInRead: data.buffer === readBuffer.buffer });
  };
  ws.on("rawMessage", listener, { borrowed: true });
  return { loans, end: () => void ws.off("rawMessage", listener) };
}

export const textsOf = (loans: readonly Loan[]): string[] => loans.map(({ text }) => text);

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
