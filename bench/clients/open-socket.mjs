// Opens the raw sockets of the clients that have no socket of their own.
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * Opens a socket that reads into one buffer.
 *
 * @param {{ host: string, port: string | number, protocol?: string }} uri
 * @param {string | undefined} ca - Certificate to trust; if given, TLS is used.
 * @param {Buffer} buffer
 * @param {(size: number) => void} onRead
 */
export function openSocket({ host, port }, ca, buffer, onRead) {
  const callback = (size) => {
    onRead(size);
    return true;
  };
  const options = { host, port: Number(port), noDelay: true, onread: { buffer, callback } };
  return ca === undefined ? connectTcp(options) : connectTls({ ...options, ca });
}
