// Counts the bytes between client and server.
import { connect, createServer } from "node:net";
import { once } from "node:events";

/** A TCP relay between client and server that counts the bytes on the wire in both directions. */
export class WireMeter {
  /** Bytes from the client to the server since the last {@link reset}. */
  sent = 0;
  /** Bytes from the server to the client since the last {@link reset}. */
  received = 0;
  #server;
  #sockets = new Set();

  /** @param {number} targetPort */
  constructor(targetPort) {
    this.#server = createServer((near) => {
      const far = connect(targetPort, "127.0.0.1");
      near.on("data", (bytes) => (this.sent += bytes.length));
      far.on("data", (bytes) => (this.received += bytes.length));
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        // An error on one side destroys the other side, so that the check sees a lost connection.
        socket.on("error", () => {});
        socket.on("close", () => {
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
  }

  /** @returns {Promise<number>} The port to connect to. */
  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this.#server.address().port;
  }

  reset() {
    this.sent = 0;
    this.received = 0;
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
