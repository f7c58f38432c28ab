// A server with negligible cost: a minimal handshake, then bytes made in advance. argv: name of the scenario.
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { answerHandshake } from "./serving/handshake.mjs";
import { makeCertificate } from "./serving/certificate.mjs";
import { scenarioNamed } from "./scenarios/index.mjs";

const scenario = scenarioNamed(process.argv[2]);
const { prepare } = await import(`./serving/${scenario.kind}.mjs`);
const { serve, facts } = await prepare(scenario);
const certificate = scenario.isSecure ? makeCertificate() : undefined;
const backlog = 4096;

const server = certificate
  ? createTlsServer({ ...certificate, noDelay: true }, accept)
  : createTcpServer({ noDelay: true }, accept);
server.listen(0, "127.0.0.1", backlog, () => {
  const url = `${certificate ? "wss" : "ws"}://127.0.0.1:${server.address().port}/`;
  console.log(JSON.stringify({ url, ca: certificate?.cert, ...facts }));
});
process.stdin.resume().on("end", () => process.exit());

function accept(socket) {
  answerHandshake(socket, scenario.compression, serve);
}
