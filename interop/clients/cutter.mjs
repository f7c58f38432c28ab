// A TCP proxy on 127.0.0.1 that counts its connections, and can cut all of them.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Cutter {
  #sockets = new Set();
  count = 0;

  async listen(target) {
    this.server = createServer((socket) => {
      this.count++;
      const upstream = connect(target, "127.0.0.1");
      for (const [one, other] of [
        [socket, upstream],
        [upstream, socket],
      ]) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return this.server.address().port;
  }

  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close() {
    this.cut();
    this.server.close();
  }
}
