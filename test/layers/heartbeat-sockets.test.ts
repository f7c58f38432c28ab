import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { ScriptedServer } from "../../src/testing/index.js";
import { turns } from "../support/dialling.js";
import { createTlsCertificate } from "../support/tls-certificate.js";
import { Scene } from "../support/scene.js";
import { runProgram, transpiledEntryPoint } from "./child-process.js";

const program = `
const options = { heartbeat: { interval: 1_000, timeout: 1_000 }, backoff: { base: 60_000, jitter: false } };
const healthy = new WebSocket(url + "/healthy", options);
const dying = new WebSocket(url + "/dying", options);
const talking = new WebSocket(url + "/talking", options);
const clients = { healthy, dying, talking };
const ends = { healthy: [], dying: [], talking: [] };
let loopEnd = 0;
for (const [name, ws] of Object.entries(clients)) {
  ws.on("disconnected", ({ report }) => ends[name].push({ verdict: report.verdict, at: performance.now() - loopEnd, lag: report.loopLagMs }));
}
await Promise.all(Object.values(clients).map((ws) => ws.connect()));
await new Promise((resolve) => setTimeout(resolve, 1_100));
console.log("loop");
const until = performance.now() + 5_000;
while (performance.now() < until);
loopEnd = performance.now();
await new Promise((resolve) => setTimeout(resolve, 1_600));
console.log(JSON.stringify({ ends, state: healthy.state }));
for (const ws of Object.values(clients)) ws.terminate();
`;

interface Ends {
  readonly ends: Record<"healthy" | "dying" | "talking", readonly End[]>;
  readonly state: string;
}

interface End {
  readonly verdict: string;
  /** Milliseconds since the end of the loop. */
  readonly at: number;
  readonly lag: number;
}

describe("a busy loop of 5 s with real sockets", () => {
  it("does not close a healthy connection, and detects peers that die during the loop", async () => {
    const server = await new ScriptedServer({ onConnection: (connection) => connection.accept() }).listen();
    onTestFinished(() => server.close());
    const lines: string[] = [];
    const source = `import { WebSocket } from ${JSON.stringify(transpiledEntryPoint())};\nconst url = ${JSON.stringify(server.url)};\n${program}`;
    const errors = await runProgram(source, (line) => {
      lines.push(line);
      if (line !== "loop") return;
      const dying = server.connections.filter(({ request }) => request.resource !== "/healthy");
      void delay(1_500).then(() => {
        for (const connection of dying) {
          // Data that was already waiting when the loop ends does not answer a ping that is sent then.
          if (connection.request.resource === "/talking") connection.send("last words");
          connection.halfOpen();
        }
      });
    });
    expect(errors).toBe("");
    const { ends, state } = JSON.parse(lines[1]!) as Ends;
    expect(ends.healthy).toEqual([]);
    expect(state).toBe("connected");
    for (const [end, ...others] of [ends.dying, ends.talking]) {
      expect(others).toEqual([]);
      expect(end?.verdict).toBe("heartbeat-timeout");
      expect(end!.at).toBeLessThanOrEqual(1_250);
      expect(end!.lag).toBeGreaterThan(3_000);
    }
    await server.close();
    await turns(3);
  }, 30_000);
});

describe("a peer that stops reading", () => {
  const heartbeat = { interval: 200, timeout: 200 };

  it.each([
    ["plain", false],
    ["TLS", true],
  ])(
    "is detected over %s while small messages are sent: bytes accepted by the kernel do not count as activity",
    async (_name, isSecure) => {
      const scene = new Scene();
      const certificate = createTlsCertificate();
      const server = await scene.listen({ isSecure, ...(isSecure ? { certificate } : {}) });
      const tls = isSecure ? { tls: { ca: certificate.cert } } : {};
      const { client, ws, peer } = await scene.open({ heartbeat, ...tls }, { server });
      peer.socket.pause();
      let sent = 0;
      const sending = setInterval(() => {
        sent++;
        void ws.sendRaw(Buffer.alloc(1_024)).catch(() => undefined);
      }, 10);
      onTestFinished(() => clearInterval(sending));
      const { report } = await client.event("disconnected");
      expect(report.verdict).toBe("heartbeat-timeout");
      expect(report.ageMs).toBeLessThan(1_500);
      expect(sent).toBeGreaterThan(5);
      clearInterval(sending);
      await scene.finish();
    },
  );

  it.each([
    ["plain", false],
    ["TLS", true],
  ])("is detected over %s while a write of 16 MiB is blocked", async (_name, isSecure) => {
    const scene = new Scene();
    const certificate = createTlsCertificate();
    const server = await scene.listen({ isSecure, ...(isSecure ? { certificate } : {}) });
    const tls = isSecure ? { tls: { ca: certificate.cert } } : {};
    const { client, ws, peer } = await scene.open({ heartbeat, ...tls }, { server });
    peer.socket.pause();
    void ws.sendRaw(Buffer.alloc(16 * 1024 * 1024)).catch(() => undefined);
    const { report } = await client.event("disconnected");
    expect(report.verdict).toBe("heartbeat-timeout");
    expect(report.ageMs).toBeLessThan(2_500);
    await scene.finish();
  });
});
