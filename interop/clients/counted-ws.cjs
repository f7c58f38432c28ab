// The class of `jetsocket/ws`, which counts the sockets of the process in `globalThis.socketsMade`.
const { WebSocket, WebSocketServer, createWebSocketStream } = require(process.env.JETSOCKET_WS);

globalThis.socketsMade = 0;

class CountedWebSocket extends WebSocket {
  constructor(...parameters) {
    super(...parameters);
    globalThis.socketsMade++;
  }
}

module.exports = Object.assign(CountedWebSocket, {
  WebSocket: CountedWebSocket,
  WebSocketServer,
  Server: WebSocketServer,
  createWebSocketStream,
});
