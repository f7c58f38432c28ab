// Helpers for the end of a client: its close report, its Close frames, and the state of its promises.
import { expect } from "vitest";
import type { CloseReport } from "../../src/index.js";
import type { RecordedClient } from "./scene.js";
import type { VirtualLink } from "./virtual-link.js";
import type { VirtualScene } from "./virtual-scene.js";
import { closeFrame, opcodes } from "./wire.js";

/** The report of the `closed` event. Expects that there is exactly one. */
export function reportOf(client: RecordedClient): CloseReport {
  const [closed, ...others] = client.all("closed");
  expect(others).toEqual([]);
  expect(client.ws.lastReport).toBe(closed?.report);
  return closed!.report;
}

/** Answers the client's Close and ends the stream. */
export function answerClose(link: VirtualLink, code = 1000): void {
  link.send(closeFrame(code));
  link.peer.end();
}

/** The codes of the Close frames that the peer received; `undefined` for one without a code. */
export function closesOf(link: VirtualLink): (number | undefined)[] {
  const closes = link.frames.filter(({ opcode }) => opcode === opcodes.close);
  return closes.map(({ payload }) => (payload.length === 0 ? undefined : payload.readUInt16BE(0)));
}

/** The state of a promise: "waits", "done", its value, or its error. */
export async function stateIn(scene: VirtualScene, promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await scene.pass();
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value === undefined ? "done" : value),
    (error: unknown) => error,
  );
}

/** The story of a client that dials, and of one whose first connection opens. */
export const connecting: readonly string[] = ["to connecting", "connecting"];
export const opened: readonly string[] = [...connecting, "to connected", "connected"];
