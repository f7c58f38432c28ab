// `jetsocket` with a message handler, and helpers for its other variants.
import { builtEntry } from "./built.mjs";

const { WebSocket } = await import(await builtEntry("."));

/** Options without reconnecting and heartbeat; all others have their defaults. */
const bare = { reconnect: false, heartbeat: false };
const lookedAfter = { heartbeat: { interval: 1000 } };

/**
 * @param {import("../client-process.mjs").Server} server
 * @param {import("./index.mjs").Settings} settings
 * @param {object} [options]
 */
export function createClient({ url, ca }, settings, options = settings.isLookedAfter ? lookedAfter : bare) {
  const { isCompressed, isParsed } = settings;
  return new WebSocket(url, {
    ...options,
    ...(!isParsed && { deserializer: (data) => data }),
    ...(isCompressed && { compressionThreshold: 0 }),
    ...(ca !== undefined && { tls: { ca } }),
  });
}

/**
 * Creates a client whose messages are read by `read` instead of by a handler.
 *
 * @param {(ws: InstanceType<typeof WebSocket>, onMessage: (data: any) => void) => Promise<void>} read
 * @returns {import("./index.mjs").Client["connect"]}
 */
export function reading(read) {
  return async (server, settings) => {
    const ws = createClient(server, settings);
    await ws.connect();
    void read(ws, settings.onMessage);
    return connectionOf(ws);
  };
}

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect(server, settings) {
  return handling(createClient(server, settings), settings);
}

/** The client with a message handler. */
export async function handling(ws, { onMessage }) {
  ws.on("message", ({ data }) => onMessage(data));
  await ws.connect();
  return connectionOf(ws);
}

function connectionOf(ws) {
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
