import { createClient } from "graphql-ws";
import WebSocket from "ws";

export async function run({ url, drop }) {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    lazy: false,
    retryAttempts: 10,
    retryWait: async () => undefined,
    shouldRetry: () => true,
  });
  const subscribe = async () => {
    let count = 0;
    for await (const { data } of client.iterate({ query: "subscription { tick }" }))
      if (data.tick === count) count++;
    return count;
  };
  const received = await subscribe();
  const again = new Promise((resolve) => client.on("connected", resolve));
  await drop();
  await again;
  if ((await subscribe()) !== received) throw new Error("The second subscription is not complete.");
  await client.dispose();
  return { received };
}
