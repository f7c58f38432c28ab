// Helpers for heartbeat tests: peers that die, and the disconnect that the heartbeat causes.
import { type RecordedClient, type Script, type Stage } from "./stage.js";

/** A peer whose machine disappears after `ms` milliseconds. */
export function dying(ms: number): Script {
  return async (connection) => {
    connection.accept();
    await connection.delay(ms);
    connection.halfOpen();
  };
}

/** The time and the verdict of the disconnect; `undefined` while the connection is open. */
export function disconnectOf(
  client: RecordedClient,
): { readonly at: number; readonly verdict: string } | undefined {
  const recorded = client.recorded.find(({ name }) => name === "disconnected");
  return recorded?.name === "disconnected"
    ? { at: recorded.at, verdict: recorded.event.report.verdict }
    : undefined;
}

export const heartbeat: { readonly interval: number; readonly timeout: number } = {
  interval: 1_000,
  timeout: 700,
};

/** Sends a message every `ms` milliseconds while the client is connected. */
export function sendRepeatedly(
  stage: Stage,
  client: RecordedClient,
  ms: number,
  message: string | Uint8Array,
): void {
  const next = (): void => {
    if (client.ws.state !== "connected") return;
    void client.ws.sendRaw(message as string).catch(() => undefined);
    stage.clock.setTimer(ms, next);
  };
  next();
}
