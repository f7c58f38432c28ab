// Why did a connection end? Creates five different ends and prints the CloseReport of each.
import { WebSocket } from "jetsocket";
import { serve } from "./embedded-server.mjs";

const server = await serve({
  refuse: ({ resource }) => {
    if (resource !== "/limited") return undefined;
    return { statusCode: 429, headers: [["Retry-After", "30"]], body: "too many connections" };
  },
  onConnection: (peer, { resource }) => {
    if (resource === "/restart") peer.close(1012, "deploying");
    if (resource === "/dropped") peer.drop();
    if (resource === "/expired") peer.close(4401, "token expired");
  },
});

/** @param {string} url */
async function reportOf(url) {
  // With reconnect on, another attempt would follow most of these ends.
  const ws = new WebSocket(url, { reconnect: false });
  try {
    await ws.connect();
    for await (const message of ws) console.log(message);
  } catch {
    // The report contains the cause.
  }
  return ws.lastReport;
}

const urls = ["/restart", "/expired", "/dropped", "/limited"].map((path) => server.url + path);
// Nothing listens at port 1.
for (const url of [...urls, "ws://127.0.0.1:1/"]) {
  const report = await reportOf(url);
  if (report === undefined) throw new Error(`${url} has no report`);
  console.log(`${new URL(report.url).pathname.padEnd(10)} ${report.verdict}
  phase ${report.phase}, by ${report.initiatedBy}, clean: ${report.wasClean}, retry: ${report.isRetryable}
  close codes: ${report.codeSent ?? "none"} sent, ${report.codeReceived ?? "none"} received, reason "${report.reason}"
  error: ${report.error?.code ?? "none"}, status: ${report.statusCode ?? "none"}
  ${report.advice}`);
}
server.close();
