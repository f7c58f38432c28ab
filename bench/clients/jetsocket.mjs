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

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect(server, settings) {
  const { onMessage } = settings;
  const ws = createClient(server, settings);
  ws.on("message", ({ data }) => onMessage(data));
  await ws.connect();
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
