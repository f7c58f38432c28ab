// Checks of closing handshakes by either side.
import { strictEqual as equal } from "node:assert";

/** Closes of the server, with the expected verdict of the client. */
const closesOfServer = [
  { code: 1000, reason: "all done", verdict: "normal" },
  { code: 1001, reason: "shutting down", verdict: "going-away" },
  { code: 4002, reason: "grüße", verdict: "closed-by-peer" },
];

export const closingChecks = [
  { name: "close by the client, 1000", run: (context) => closeByClient(context, 1000, "") },
  {
    name: "close by the client, 4001 with a reason",
    run: (context) => closeByClient(context, 4001, "genug, grüße"),
  },
  ...closesOfServer.map((close) => ({
    name: `close by the server, ${close.code} with a reason`,
    run: (context) => closeByServer(context, close),
  })),
];

async function closeByClient(context, code, reason) {
  const { ws, closed, serverReport } = await context.open("/echo");
  await ws.close(code, reason);
  const report = await closed;
  equal(report.codeSent, code);
  equal(report.codeReceived, context.traits.echoesCloseCode ? code : 1000);
  equal(report.verdict, "closed-by-us");
  equal(report.initiatedBy, "us");
  equal(report.wasClean, true);
  if (context.traits.echoesCloseCode) equal(report.reason, reason);
  const seen = await serverReport("closed");
  equal(seen.code, code, "the code that the server saw");
  equal(seen.reason, reason, "the reason that the server saw");
}

async function closeByServer(context, { code, reason, verdict }) {
  const { ws, closed, serverReport } = await context.openRaw("/close", { query: { code, reason } });
  equal(await ws.recv({ timeout: 5_000 }), "the last message");
  const report = await closed;
  equal(report.codeReceived, code);
  equal(report.reason, reason);
  equal(report.codeSent, code);
  equal(report.verdict, verdict);
  equal(report.initiatedBy, "peer");
  equal(report.wasClean, true);
  equal((await serverReport("closed")).code, code, "the code that the server saw");
}
