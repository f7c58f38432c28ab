// A codec with protobufjs. The type of the messages is defined in the program; a real one is loaded from a .proto file.
import { WebSocket } from "jetsocket";
import protobuf from "protobufjs";
import { serve } from "../examples/embedded-server.mjs";

const Trade = new protobuf.Type("Trade")
  .add(new protobuf.Field("symbol", 1, "string"))
  .add(new protobuf.Field("price", 2, "double"));

const server = await serve({
  onConnection: (peer) => {
    peer.onMessage = (data) => peer.send(data);
  },
});

const ws = new WebSocket(server.url, {
  /** @param {{ symbol: string, price: number }} trade */
  serializer: (trade) => Trade.encode(trade).finish(),
  // A message that is not a Trade is an `error` event with the code DECODE_FAILED.
  deserializer: (data) => Trade.toObject(Trade.decode(/** @type {Buffer} */ (data))),
});
await ws.connect();
await ws.send({ symbol: "ABC", price: 1.5 });
console.log(await ws.recv());
await ws.close();
server.close();
