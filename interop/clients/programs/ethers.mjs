import { WebSocketProvider } from "ethers";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const open = async () => {
    const provider = new WebSocketProvider(url, 1);
    const all = counter(1000);
    await provider.on("pending", all.add);
    return { provider, received: await all.reached };
  };
  const { provider, received } = await open();
  // ethers does not reconnect itself.
  const closed = new Promise((resolve) => (provider.websocket.onclose = resolve));
  await drop();
  await closed;
  const second = await open();
  if ((await second.provider.getBlockNumber()) !== 16)
    throw new Error("The second connection does not work.");
  await second.provider.destroy();
  return { received };
}
