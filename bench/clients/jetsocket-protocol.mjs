// `jetsocket/protocol` alone, over a socket that reads into one buffer and writes at the end of a tick.
import { randomFillSync } from "node:crypto";
import { builtEntry } from "./built.mjs";
import { openSocket } from "./open-socket.mjs";

const { ClientHandshake, deflateOffer, parseUri, ProtocolConnection, Resources } = await import(
  await builtEntry("./protocol")
);

export const connect = connecting();

/**
 * @param {object} [codecs] - Codecs that replace the default ones.
 * @returns {import("./index.mjs").Client["connect"]}
 */
export function connecting(codecs) {
  const resources = new Resources({ fillRandom: randomFillSync, codecs });
  return (server, settings) => connectOver(resources, server, settings);
}

function connectOver(resources, { url, ca }, { isCompressed, isParsed, onMessage }) {
  const uri = parseUri(url);
  const handshake = new ClientHandshake({ uri, fillRandom: randomFillSync, offers: [deflateOffer({})] });
  const ended = () => {};
  const handler = {
    onMessage: isParsed ? (data) => onMessage(JSON.parse(data)) : (data) => onMessage(data),
    ...{ onPing: ended, onPong: ended, onClose: ended, onEnd: ended },
    onFailure: (error) => {
      throw error;
    },
  };
  return new Promise((resolve, reject) => {
    const buffer = resources.readBuffer;
    let connection;
    let isScheduled = false;
    let isWriting = false;
    const socket = openSocket(uri, ca, buffer, onRead);
    socket.on("error", reject);
    socket.write(handshake.request);

    function onRead(size) {
      const bytes = buffer.subarray(0, size);
      if (connection === undefined) open(bytes);
      else connection.receive(bytes);
    }

    function open(bytes) {
      const result = handshake.receive(bytes);
      if (result === undefined) return;
      if (result.kind === "rejected") throw result.error;
      const { extension, consumed } = result;
      const compressionThreshold = isCompressed ? 0 : undefined;
      connection = new ProtocolConnection({
        role: "client",
        resources,
        extension,
        handler,
        compressionThreshold,
      });
      resolve({ send, disconnect: () => socket.destroy() });
      connection.receive(bytes, consumed);
    }

    function send(data) {
      if (typeof data === "string") connection.text(data);
      else connection.binary(data);
      if (isScheduled || isWriting) return;
      isScheduled = true;
      process.nextTick(write);
    }

    function write() {
      isScheduled = false;
      const bytes = connection.take();
      isWriting = bytes !== undefined;
      if (isWriting) socket.write(bytes, onWritten);
    }

    function onWritten() {
      connection.written();
      write();
    }
  });
}
