import { expect } from "vitest";
import type { CloseReport } from "../../src/index.js";
import type { Watching } from "./scene.js";
import type { VirtualLink } from "./virtual-link.js";
import type { VirtualScene } from "./virtual-scene.js";
import { closeFrame, opcodes } from "./wire.js";

/** The report that came with `closed`. */
export function reportOf(client: Watching): CloseReport {
  const [closed, ...others] = client.all("closed");
  expect(others).toEqual([]);
  expect(client.ws.lastReport).toBe(closed?.report);
  return closed!.report;
}

/** The peer answers our Close, and ends. */
export function answerClose(link: VirtualLink, code = 1000): void {
  link.send(closeFrame(code));
  link.peer.end();
}

/** The codes of the Closes that the peer has got; `undefined` for an empty one. */
export function closesOf(link: VirtualLink): (number | undefined)[] {
  const closes = link.frames.filter(({ opcode }) => opcode === opcodes.close);
  return closes.map(({ payload }) => (payload.length === 0 ? undefined : payload.readUInt16BE(0)));
}

/** What a promise of a client has come to: "waits", "done", its value, or its error. */
export async function stateIn(scene: VirtualScene, promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await scene.pass();
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value === undefined ? "done" : value),
    (error: unknown) => error,
  );
}

/** The story of a client that dials, and of one that gets its first connection. */
export const connecting: readonly string[] = ["to connecting", "connecting"];
export const opened: readonly string[] = [...connecting, "to connected", "connected"];
