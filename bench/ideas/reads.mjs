// Compares ways to read a stream from a fast writer: by "data" events, or into one buffer.
import { once } from "node:events";
import { connect } from "node:net";
import { compare } from "./harness.mjs";
import { startPeer } from "./peer.mjs";

const port = await startPeer("writer");
const mebibyte = 1024 * 1024;

/**
 * Returns a run that reads `times` MiB from a connection, which the first call opens.
 *
 * @param {(take: (size: number) => void) => object} optionsOf - Returns the options of the socket.
 * @param {boolean} [isByEvents]
 */
function reading(optionsOf, isByEvents = false) {
  let left = 0;
  let onEnough;
  let socket;
  const take = (size) => {
    left -= size;
    if (left > 0) return;
    socket.pause();
    onEnough();
  };
  const open = async () => {
    socket = connect({ port, host: "127.0.0.1", ...optionsOf(take) });
    if (isByEvents) socket.on("data", (bytes) => take(bytes.length));
    socket.pause();
    await once(socket, "connect");
  };
  return async (times) => {
    if (socket === undefined) await open();
    left = times * mebibyte;
    await new Promise((resolve) => {
      onEnough = resolve;
      socket.resume();
    });
  };
}

const into = (size) => {
  const buffer = Buffer.allocUnsafeSlow(size);
  return reading((take) => ({
    onread: {
      buffer,
      callback: (length) => {
        take(length);
        return true;
      },
    },
  }));
};

await compare("A MiB read", {
  "": {
    "data events": reading(() => ({}), true),
    "onread 64 KiB": into(64 * 1024),
    "onread 256 KiB": into(256 * 1024),
    "onread 1 MiB": into(mebibyte),
  },
});
process.exit();
