import { Socket } from "engine.io-client";

export async function run({ url, drop }) {
  const open = async () => {
    const socket = new Socket(url, { transports: ["websocket"], path: "/socket.io/", autoUnref: true });
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    return socket;
  };
  // Keeps the process running, because `autoUnref` does not.
  const timer = setInterval(() => undefined, 1000);
  const socket = await open();
  let received = 0;
  // The packets of socket.io: connect to the default namespace, then subscribe.
  const all = new Promise((resolve) => {
    socket.on("message", (data) => {
      if (typeof data === "string" && data.startsWith("0")) socket.send('20["subscribe"]');
      else if (++received === 2001) resolve();
    });
  });
  socket.send("0");
  await all;
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await drop();
  await closed;
  const second = await open();
  second.close();
  clearInterval(timer);
  return { received: (received - 1) / 2 };
}
