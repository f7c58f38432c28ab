// A codec with @msgpack/msgpack, and a schema of zod that checks what was decoded.
import { decode, encode } from "@msgpack/msgpack";
import { WebSocket } from "jetsocket";
import { z } from "zod";
import { serve } from "../examples/embedded-server.mjs";

const server = await serve({
  onConnection: (peer) => {
    peer.onMessage = (data) => peer.send(data);
  },
});

const ws = new WebSocket(server.url, {
  serializer: encode,
  deserializer: (data) => decode(/** @type {Buffer} */ (data)),
  schema: z.object({ symbol: z.string(), price: z.number() }),
});
await ws.connect();
await ws.send({ symbol: "ABC", price: 1.5 });
console.log(await ws.recv());
await ws.close();
server.close();
