// The same class for programs that import `ws` as an ES module.
import { createRequire } from "node:module";

const WebSocket = createRequire(import.meta.url)("./counted-ws.cjs");
export default WebSocket;
export { WebSocket };
export const { WebSocketServer, createWebSocketStream } = WebSocket;
