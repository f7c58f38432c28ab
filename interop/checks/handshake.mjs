// Checks of the opening handshake: subprotocols, headers and a rejection.
import { ok, rejects, strictEqual as equal } from "node:assert";

export const handshakeChecks = [
  { name: "subprotocol chosen", run: chooseSubprotocol },
  { name: "headers of the client", run: sendHeaders },
  { name: "rejected with 401", run: expectRejection },
];

async function chooseSubprotocol(context) {
  const client = { subprotocols: ["interop.v0", "interop.v1"] };
  const { subprotocol, serverReport } = await context.open("/echo", { client });
  equal(subprotocol, "interop.v1");
  equal((await serverReport("open")).subprotocol, "interop.v1");
}

async function sendHeaders(context) {
  const headers = [
    ["X-Interop", "one"],
    ["Authorization", "Bearer a.b-c"],
    ["X-Interop", "two"],
  ];
  const { serverReport } = await context.open("/echo", { client: { headers } });
  const seen = (await serverReport("open")).headers;
  equal(seen["x-interop"], "one, two");
  equal(seen.authorization, "Bearer a.b-c");
}

async function expectRejection(context) {
  const { ws } = await context.client("/refuse");
  await rejects(ws.connect(), (error) => {
    ok(error instanceof context.jetsocket.HandshakeError, `${error.name}: ${error.message}`);
    equal(error.statusCode, 401);
    equal(error.body.toString(), "no token, no feed");
    const challenge = error.headers.unmasked().find(([name]) => name.toLowerCase() === "www-authenticate");
    equal(challenge?.[1], 'Bearer realm="interop"');
    return true;
  });
}
