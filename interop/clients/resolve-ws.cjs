// Preloaded into each program: every import of `ws` loads `jetsocket/ws`, through a subclass that counts its sockets. The
// global class is deleted, so no client can fall back to it.
const Module = require("node:module");
const { pathToFileURL } = require("node:url");

delete globalThis.WebSocket;
const counted = require.resolve("./counted-ws.cjs");
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...others) {
  return request === "ws" ? counted : resolve.call(this, request, ...others);
};
// playwright-core contains its own copy of `ws`.
const load = Module._load;
Module._load = function (request, ...others) {
  const loaded = load.call(this, request, ...others);
  if (!/(^|\/)utilsBundle(\.js)?$/.test(request)) return loaded;
  return Object.create(loaded, { ws: { value: require(counted) } });
};
const hooks = `
  const counted = ${JSON.stringify(pathToFileURL(require.resolve("./counted-ws.mjs")).href)};
  export const resolve = (name, context, next) =>
    name === "ws" ? { url: counted, shortCircuit: true } : next(name, context);
`;
Module.register(`data:text/javascript,${encodeURIComponent(hooks)}`);
