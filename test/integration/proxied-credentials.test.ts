// Which credentials a proxy and a target receive from a client.
import { afterEach, beforeEach, expect, it } from "vitest";
import { ProxyServer } from "../support/proxy-server.js";
import { Scene } from "../support/scene.js";
import { closeFrame } from "../support/wire.js";

let scene: Scene;
let proxy: ProxyServer | undefined;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await scene.finish();
});

it("a proxy gets only its own credentials, and the target only those for the target", async () => {
  const server = await scene.listen();
  proxy = await new ProxyServer({ kind: "http", credentials: "proxy-user:proxy-word" }).listen();
  const url = new URL("?token=target-token", server.url.replace("ws://", "ws://target-user:target-word@"));
  const headers = { Cookie: "target-cookie=1", "X-Api-Key": "target-key" };
  const options = {
    proxy: proxy.url("proxy-user:proxy-word"),
    headers,
    subprotocols: ["chat", "target-name"],
  };
  const client = scene.watch(url, options);
  const connecting = client.ws.connect();
  const peer = await server.client();
  const { head } = await peer.accept({ fields: ["Sec-WebSocket-Protocol: chat"] });
  await connecting;

  const encoded = (text: string): string => Buffer.from(text).toString("base64");
  expect(proxy.heads).toHaveLength(1);
  expect(proxy.heads[0]).toContain(`Proxy-Authorization: Basic ${encoded("proxy-user:proxy-word")}\r\n`);
  expect(proxy.heads[0]).not.toMatch(/target|cookie|api-key|\r\nauthorization/i);
  expect(proxy.heads[0]).not.toContain(encoded("target-user:target-word"));
  expect(head).toContain(`Authorization: Basic ${encoded("target-user:target-word")}\r\n`);
  expect(head).toContain("target-cookie=1");
  expect(head).not.toMatch(/proxy/i);
  expect(head).not.toContain(encoded("proxy-user:proxy-word"));

  const closing = client.ws.close();
  await peer.untilClose();
  peer.endWithClient().send(closeFrame(1000));
  await closing;
});
