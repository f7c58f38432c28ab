/** The clients under test: one function for each entry of the package that can be tested. */
import { WebSocket } from "jetsocket";
import { WebSocket as StandardWebSocket } from "jetsocket/whatwg";
import { WebSocket as WsWebSocket } from "jetsocket/ws";

/** @typedef {string | Buffer | ArrayBuffer} Data */
/** @typedef {(data: Data, send: (data: Data) => void) => void} OnData called for each message */

/**
 * Each client connects with its default options, and resolves with the first error when the connection has ended. An
 * echo on a closed connection fails. It is ignored here, because the suite judges the result.
 * @type {Record<string, (url: string, onData: OnData) => Promise<string | undefined>>}
 */
export const clients = {
  async jetsocket(url, onData) {
    let firstError;
    const ws = new WebSocket(url, { reconnect: false, heartbeat: false });
    const closed = new Promise((resolve) => ws.on("closed", resolve));
    ws.on("error", ({ error }) => {
      firstError ??= textOf(error);
    });
    ws.on("rawMessage", ({ data }) => onData(data, (echo) => void ws.sendRaw(echo).catch(() => {})));
    try {
      await ws.connect();
    } catch (error) {
      firstError ??= textOf(error);
    }
    await closed;
    return firstError;
  },

  whatwg(url, onData) {
    let firstError;
    const ws = new StandardWebSocket(url);
    ws.binaryType = "arraybuffer";
    ws.onerror = ({ error }) => {
      firstError ??= textOf(error);
    };
    ws.onmessage = ({ data }) => onData(data, (echo) => ws.send(echo));
    return new Promise((resolve) => {
      ws.onclose = () => resolve(firstError);
    });
  },

  ws(url, onData) {
    let firstError;
    const ws = new WsWebSocket(url);
    ws.on("error", (error) => {
      firstError ??= textOf(error);
    });
    ws.on("message", (data, isBinary) =>
      onData(data, (echo) => ws.send(echo, { binary: isBinary }, () => {})),
    );
    return new Promise((resolve) => ws.once("close", () => resolve(firstError)));
  },
};

/** @param {unknown} error */
function textOf(error) {
  return String(error?.message ?? error);
}
