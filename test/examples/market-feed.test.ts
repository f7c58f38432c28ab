// Runs the market feed example as a process of its own.
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer, type WebSocket as Peer } from "ws";
import { startProgram, startServer } from "./run-program.js";

const main = "examples/market-feed/main.mjs";

interface Served {
  readonly url: string;
  /** The first client. */
  readonly peer: Promise<Peer>;
}

/** Starts a server with another WebSocket implementation (`ws`). */
async function serve(onPeer: (peer: Peer) => void): Promise<Served> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const peer = once(server, "connection").then(([client]) => {
    onPeer(client as Peer);
    return client as Peer;
  });
  await once(server, "listening");
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/any`, peer };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("the market feed example with its own server", () => {
  it("receives every trade once over three connections, prints a summary, and exits", async () => {
    const { end, stdout, stderr } = await startProgram(main, "--trades", "2500").outcome;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^Subscribed to trades\nConnected to ws:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(stdout).toMatch(
      /^\d s {2}[\d,]+ trades {2}[\d,]+\/s {2}ping (not answered|\d+\.\d ms) {2}\w{3}-USD [\d.]+, \d+ ms old$/m,
    );
    const drops = ["network-lost", "heartbeat-timeout"].flatMap((verdict) => [
      ...[`Disconnected: ${verdict}`, "Dialling again in \\d+ ms", "Back after \\d+ ms", "Gap: .*"],
      "Recovered [\\d,]+ messages",
    ]);
    expect(stdout).toMatch(new RegExp(`^${drops.join("\n(?:.*\n)*?")}$`, "m"));
    expect(stdout).toMatch(/^compression {9}\d\.\d to 1, by permessage-deflate$/m);
    expect(stdout).toMatch(/^end {17}closed-by-us, Close sent: 1000, received: 1000$/m);
    const summary = [/reconnects {10}[2-9]/, /downtime {12}\d\.\d s/, /gaps found {10}[2-9]/];
    const recovered = [/messages recovered {2}[1-9][\d,]*/, /lost {16}0/, /doubled {13}0/];
    const lines = [...summary, ...recovered].map(({ source }) => `${source}\n`);
    expect(stdout).toMatch(new RegExp(`^${lines.join("")}$`, "m"));
    expect(end).toBe(0);
  });

  it("has a server that exits with the process that started it", async () => {
    const { program, url } = await startServer("examples/market-feed/server.mjs");
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    program.process.disconnect();
    expect((await program.outcome).end).toBe(0);
  });
});

describe("the market feed example with another server", () => {
  it("sends the given message, counts received messages, and reconnects after the server has closed", async () => {
    const { url } = await serve((peer) => {
      peer.once("message", (data) => {
        peer.send(`You said ${(data as Buffer).toString()}`);
        for (let count = 0; count < 99; count++) peer.send(Buffer.from([1, 2, 3]));
        peer.close(1001, "going home");
      });
    });
    const { end, stdout, stderr } = await startProgram(main, url, "--send", '{"hello":1}', "--seconds", "3")
      .outcome;
    expect(stderr).toBe("");
    expect(stdout).toContain(`Connected to ${url}\n`);
    expect(stdout).toMatch(/^messages {12}100$/m);
    expect(stdout).toMatch(/^payload {13}\d+ B$/m);
    expect(stdout).toMatch(
      /^Disconnected: going-away\nDialling again in [\d,]+ ms\n(.*\n)*?Back after [\d,]+ ms$/m,
    );
    expect(stdout).toMatch(/^reconnects {10}1$/m);
    expect(end).toBe(0);
  });

  it("closes with 1000 after --seconds", async () => {
    const { url, peer } = await serve((client) => client.send("one and only"));
    const program = startProgram(main, url, "--seconds", "1");
    expect((await once(await peer, "close"))[0]).toBe(1000);
    const { end, stdout } = await program.outcome;
    expect(stdout).toMatch(/^messages {12}1$/m);
    expect(end).toBe(0);
  });

  it("closes with 1000 on Ctrl-C", async () => {
    const { url, peer } = await serve((client) => client.send("hello"));
    const program = startProgram(main, url);
    await program.printed("Listening for 10 s");
    const closed = once(await peer, "close");
    program.process.kill("SIGINT");
    expect((await closed)[0]).toBe(1000);
    const { end, stdout } = await program.outcome;
    expect(stdout).toMatch(/^end {17}closed-by-us, Close sent: 1000, received: 1000$/m);
    expect(end).toBe(0);
  });

  it("prints why the connection broke, and reconnects", async () => {
    const { url } = await serve((peer) => peer.send("a last word", () => peer.terminate()));
    const { end, stdout, stderr } = await startProgram(main, url, "--seconds", "3").outcome;
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^Disconnected: network-lost\nDialling again in [\d,]+ ms\n(.*\n)*?Back after [\d,]+ ms$/m,
    );
    expect(stdout).toMatch(/^messages {12}1$/m);
    expect(end).toBe(0);
  });
});

describe("the market feed example with an error", () => {
  it("prints the address of a port without a server", async () => {
    const port = await freePort();
    const { end, stdout, stderr } = await startProgram(main, `ws://127.0.0.1:${port}/`).outcome;
    expect(stdout).toBe("");
    expect(stderr).toContain(`Connecting to ws://127.0.0.1:${port}/ failed (phase: tcp)`);
    expect(stderr).toContain("ECONNREFUSED");
    expect(end).toBe(1);
  });

  it.each([
    ["an invalid url", ["example.com"], 'Invalid url "example.com"'],
    ["two urls", ["ws://a", "ws://b"], "One url at a time"],
    ["an unknown option", ["--trade", "1"], "'--trade'"],
    ["an invalid number", ["--trades", "many"], '--trades takes a whole number from 1 on, not "many".'],
  ])("exits with a message and without a stack for %s", async (_, args, sentence) => {
    const { end, stdout, stderr } = await startProgram(main, ...args).outcome;
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(end).toBe(1);
  });
});

interface SequenceCheck {
  readonly lost: number;
  readonly doubled: number;
  add(sequence: number): void;
}

describe("the check of the sequence numbers", () => {
  it.each([
    ["none", [], 0, 0],
    ["all in order", [1, 2, 3], 0, 0],
    ["a gap", [1, 2, 5], 2, 0],
    ["a late start", [4], 3, 0],
    ["a duplicate", [1, 2, 2, 3], 0, 1],
    ["a late number", [1, 3, 2], 1, 1],
  ])("counts what is lost and what is doubled: %s", async (_, sequence, lost, doubled) => {
    const url = new URL("../../examples/market-feed/sequence-check.mjs", import.meta.url).href;
    const module = (await import(url)) as { SequenceCheck: new () => SequenceCheck };
    const check = new module.SequenceCheck();
    for (const number of sequence) check.add(number);
    expect([check.lost, check.doubled]).toEqual([lost, doubled]);
  });
});
