/** The class that `ws` has for servers. This package is a client, so the class only throws. */

/** Throws when it is constructed: this package has no server. */
export class WebSocketServer {
  /** @throws Error always. */
  constructor(..._options: readonly unknown[]) {
    throw new Error(
      'jetsocket/ws is a client and has no server. Import WebSocketServer from the package "ws", or use ServerHandshake of jetsocket/protocol.',
    );
  }
}
