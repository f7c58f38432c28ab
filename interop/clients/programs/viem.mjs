import { createPublicClient, webSocket } from "viem";
import { mainnet } from "viem/chains";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const transport = webSocket(url, { reconnect: { attempts: 50, delay: 20 }, keepAlive: false });
  const client = createPublicClient({ chain: mainnet, transport });
  const subscribe = async () => {
    const all = counter(1000);
    const { unsubscribe } = await client.transport.subscribe({
      params: ["newHeads"],
      onData: all.add,
      onError: () => undefined,
    });
    const received = await all.reached;
    return { received, unsubscribe };
  };
  const { received } = await subscribe();
  await drop();
  for (;;) {
    try {
      if ((await client.getBlockNumber({ cacheTime: 0 })) === 16n) break;
    } catch {
      // The client is reconnecting.
    }
  }
  const socket = await client.transport.getRpcClient();
  socket.close();
  return { received };
}
