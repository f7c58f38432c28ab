import { builtEntry } from "./built.mjs";

const { WebSocket } = await import(await builtEntry("."));

/** One connection that nothing looks after; all else is as by default. */
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
 * A client whose messages are read, in the place of a handler.
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

/** A client that gives its messages to a handler. */
export async function handling(ws, { onMessage }) {
  ws.on("message", ({ data }) => onMessage(data));
  await ws.connect();
  return connectionOf(ws);
}

function connectionOf(ws) {
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
