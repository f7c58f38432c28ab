// A test fixture: a new server of the scripted peers for each test of a file.
import { afterEach, beforeEach } from "vitest";
import { type Peer, PeerServer } from "../support/ws-peer.js";

export interface WsScene {
  server: PeerServer;
  url: string;
  /** The server's part of each connection. By default, the server accepts the connection. */
  script: (peer: Peer, index: number) => void | Promise<void>;
}

/** Starts a server before each test, and closes it after the test. */
export function wsScene(): WsScene {
  const scene = {} as WsScene;
  beforeEach(async () => {
    scene.script = (peer) => peer.accept();
    scene.server = new PeerServer((peer, index) => scene.script(peer, index));
    scene.url = `ws://127.0.0.1:${await scene.server.listen()}/`;
  });
  afterEach(() => scene.server.close());
  return scene;
}
