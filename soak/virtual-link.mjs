/** The server side of one virtual connection, which can be cut at any byte. */
import { ProtocolConnection, ServerHandshake } from "jetsocket/protocol";

/**
 * The server side of one connection in the virtual network. It can be cut after a number of bytes in either direction,
 * inside a frame or inside the opening handshake.
 */
export class VirtualLink {
  /** Called with each message. @type {(message: any) => void} */
  onMessage = () => {};
  onOpen = () => {};
  onGone = () => {};
  /** Called when a cut falls inside a message. */
  onCutInside = () => {};
  isOpen = false;
  #peer;
  #resources;
  #trace;
  #handshake = new ServerHandshake();
  #protocol;
  #isDead = false;
  /** @type {{ direction: "up" | "down", left: number, act: () => void } | undefined} */
  #cut;

  /**
   * @param {import("jetsocket/testing").VirtualPeer} peer
   * @param {import("jetsocket/protocol").Resources} resources
   * @param {(line: string) => void} trace
   */
  constructor(peer, resources, trace) {
    this.#peer = peer;
    this.#resources = resources;
    this.#trace = trace;
    peer.onData = (bytes) => this.#receive(bytes);
    peer.onEnd = () => this.#receiveEnd();
    peer.onClose = () => this.#leave();
  }

  /** True when it neither reads nor writes any more. */
  get isDead() {
    return this.#isDead;
  }

  /** True while a cut is planned and not yet reached. */
  get isDoomed() {
    return this.#cut !== undefined;
  }

  /** @param {string} text */
  send(text) {
    if (this.#protocol?.state !== "open" || this.#isDead) return;
    this.#protocol.text(text);
    this.#drain();
  }

  /** @param {number} code */
  close(code) {
    this.#protocol?.close(code, "as drawn");
    this.#drain();
  }

  /**
   * Calls `act` once `bytes` more have passed in `direction`; the following bytes are lost.
   * @param {"up" | "down"} direction
   * @param {number} bytes
   * @param {() => void} act
   */
  cutAfter(direction, bytes, act) {
    this.#cut = { direction, left: bytes, act };
  }

  /** Carries out a planned cut now, although too few bytes have passed. */
  cutNow() {
    if (this.#cut !== undefined) this.#act(this.#cut);
  }

  reset() {
    this.#isDead = true;
    this.isOpen = false;
    this.#peer.reset();
  }

  end() {
    this.#isDead = true;
    this.isOpen = false;
    this.#peer.end();
  }

  /**
   * Stops reading and writing without a Close or an end.
   * @param {number} room - Bytes that the client's kernel still accepts; Infinity for no limit.
   */
  fallSilent(room) {
    this.#isDead = true;
    this.isOpen = false;
    this.#peer.takesWrites = room === Infinity;
    this.#peer.room = room;
  }

  /**
   * Answers the opening handshake with `status` and ends the connection.
   * @param {number} status
   * @param {[string, string][]} headers
   */
  rejectWith(status, headers) {
    this.onOpen = () => {};
    this.#reject = { status, headers };
  }

  /** @type {{ status: number, headers: [string, string][] } | undefined} */
  #reject;

  /** @param {Buffer} all */
  #receive(all) {
    this.#trace(`> ${all.length}`);
    if (this.#isDead) return;
    let bytes = all;
    if (this.#cut?.direction === "up") {
      bytes = all.subarray(0, this.#cut.left);
      this.#cut.left -= bytes.length;
    }
    if (this.#protocol !== undefined) this.#protocol.receive(bytes);
    else this.#receiveRequest(bytes);
    this.#drain();
    if (this.#cut?.left !== 0) return;
    if (this.#protocol?.isInsideMessage) this.onCutInside();
    this.#act(this.#cut);
  }

  /** @param {Buffer} bytes */
  #receiveRequest(bytes) {
    const result = this.#handshake.receive(bytes);
    if (result === undefined) return;
    if (result.kind === "rejected") throw result.error;
    if (this.#reject !== undefined) {
      const { status, headers } = this.#reject;
      this.#write(this.#handshake.reject(status, { headers }));
      if (!this.#isDead) this.end();
      return;
    }
    const { response, extension } = this.#handshake.accept();
    this.#protocol = new ProtocolConnection({
      role: "server",
      resources: this.#resources,
      extension,
      handler: this.#createHandler(),
    });
    this.isOpen = true;
    this.#write(response);
    if (!this.#isDead) this.onOpen();
  }

  /** @returns {import("jetsocket/protocol").ProtocolHandler} */
  #createHandler() {
    return {
      onMessage: (data) => this.onMessage(JSON.parse(String(data))),
      onPing: () => undefined,
      onPong: () => undefined,
      onClose: () => this.#finish(),
      onFailure: (error) => {
        throw error;
      },
      onEnd: () => undefined,
    };
  }

  /** RFC 6455 7.1.1: the server ends its side first, after both Close frames. */
  #finish() {
    this.#drain();
    if (!this.#isDead) this.end();
  }

  #receiveEnd() {
    this.#trace("> end");
    if (this.#isDead) return;
    this.#protocol?.receiveEnd();
    this.end();
  }

  #drain() {
    const protocol = this.#protocol;
    for (let bytes = protocol?.take(); bytes !== undefined; bytes = protocol?.take()) {
      this.#write(bytes);
      protocol?.written();
    }
  }

  /** @param {Uint8Array} all */
  #write(all) {
    if (this.#isDead) return;
    let bytes = all;
    if (this.#cut?.direction === "down") {
      bytes = all.subarray(0, this.#cut.left);
      this.#cut.left -= bytes.length;
    }
    this.#trace(`< ${bytes.length}`);
    this.#peer.send(bytes);
    if (this.#cut?.left !== 0) return;
    if (bytes.length < all.length) this.onCutInside();
    this.#act(this.#cut);
  }

  /** @param {{ act: () => void }} cut */
  #act(cut) {
    this.#cut = undefined;
    if (!this.#isDead) cut.act();
  }

  #leave() {
    this.#trace("gone");
    this.#isDead = true;
    this.isOpen = false;
    this.#protocol?.abandon();
    this.onGone();
  }
}
