// HTTP error responses whose body never ends. Real sockets, virtual clock.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HandshakeError } from "../../src/index.js";
import { Scene } from "../support/scene.js";

let scene: Scene;

beforeEach(() => {
  // The sockets are real; the test advances the clock.
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const refusals: [what: string, isSecure: boolean, head: string, sent: string, body: string][] = [
  ["without a length", false, "HTTP/1.1 503 Busy\r\n\r\n", "try later", "try later"],
  ["without a length, over TLS", true, "HTTP/1.1 403 Forbidden\r\n\r\n", "no", "no"],
  ["with a length", false, "HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\n", "no", "no"],
  ["in chunks", false, "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nwai", "wai"],
];

describe("a rejected handshake with an endless body on an open connection", () => {
  it.each(refusals)(
    "causes an error 1 s after its status, and the socket is closed: %s",
    async (_what, isSecure, head, sent, body) => {
      const server = await scene.listen({ isSecure });
      const client = scene.watch(server.url, { tls: { rejectUnauthorized: false } });
      const failed = client.ws.connect().catch((error: unknown) => error);
      const peer = (await server.client()).endWithClient();
      await peer.request();
      peer.send(head, sent);
      await scene.untilRead(head.length + sent.length);
      scene.clock.advance(999);
      expect(client.ws.state).toBe("connecting");
      scene.clock.advance(1);
      const error = await failed;
      await peer.untilGone();
      expect(error).toBeInstanceOf(HandshakeError);
      expect((error as HandshakeError).body.toString()).toBe(body);
      expect((await client.event("closed")).report.statusCode).toBe(Number(head.slice(9, 12)));
    },
  );
});
