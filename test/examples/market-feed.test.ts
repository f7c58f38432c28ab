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

/** A server that nobody here wrote. */
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

describe("the main job on the embedded feed", () => {
  it("receives every trade once, tells of it each second and in a summary, and ends by itself", async () => {
    const { end, stdout, stderr } = await startProgram(main, "--trades", "2500").outcome;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^Connected to ws:\/\/127\.0\.0\.1:\d+\/\nSubscribed to trades\n/);
    expect(stdout).toMatch(
      /^1 s {2}[\d,]+ trades {2}[\d,]+\/s {2}ping \d+\.\d ms {2}\w{3}-USD [\d.]+, \d+ ms old$/m,
    );
    // The answer to the subscription is a message too.
    expect(stdout).toMatch(/^messages {12}2,501$/m);
    expect(stdout).toMatch(/^compression {9}[2-9]\.\d to 1, by permessage-deflate$/m);
    expect(stdout).toMatch(/^end {17}closed-by-us, Close sent: 1000, received: 1000$/m);
    expect(stdout).toMatch(/^missing {13}0\ndoubled {13}0\n$/m);
    expect(end).toBe(0);
  });

  it("has a server that ends with the process that has started it", async () => {
    const { program, url } = await startServer("examples/market-feed/server.mjs");
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    program.process.disconnect();
    expect((await program.outcome).end).toBe(0);
  });
});

describe("the main job against another server", () => {
  it("sends what it is told to, counts what comes, and ends well with the server", async () => {
    const { url } = await serve((peer) => {
      peer.once("message", (data) => {
        peer.send(`You said ${(data as Buffer).toString()}`);
        for (let count = 0; count < 99; count++) peer.send(Buffer.from([1, 2, 3]));
        peer.close(1001, "going home");
      });
    });
    const { end, stdout, stderr } = await startProgram(main, url, "--send", '{"hello":1}').outcome;
    expect(stderr).toBe("");
    expect(stdout).toContain(`Connected to ${url}\n`);
    expect(stdout).toMatch(/^messages {12}100$/m);
    expect(stdout).toMatch(/^payload {13}\d+ B$/m);
    expect(stdout).toMatch(/^end {17}going-away, Close sent: 1001, received: 1001$/m);
    expect(end).toBe(0);
  });

  it("closes with 1000 when the seconds are over", async () => {
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

  it("says what broke the connection, behind the summary, and fails", async () => {
    const { url } = await serve((peer) => peer.send("a last word", () => peer.terminate()));
    const { end, stdout, stderr } = await startProgram(main, url).outcome;
    expect(stdout).toMatch(/^messages {12}1$/m);
    expect(stderr).toContain(`The connection to ${url} was lost`);
    expect(end).toBe(1);
  });
});

describe("the main job that cannot be done", () => {
  it("names a port where nobody listens", async () => {
    const port = await freePort();
    const { end, stdout, stderr } = await startProgram(main, `ws://127.0.0.1:${port}/`).outcome;
    expect(stdout).toBe("");
    expect(stderr).toContain(`Connecting to ws://127.0.0.1:${port}/ failed (phase: tcp)`);
    expect(stderr).toContain("ECONNREFUSED");
    expect(end).toBe(1);
  });

  it.each([
    ["a url that is none", ["example.com"], 'Invalid url "example.com"'],
    ["two urls", ["ws://a", "ws://b"], "One url at a time"],
    ["an option that there is not", ["--trade", "1"], "'--trade'"],
    ["a number that is none", ["--trades", "many"], '--trades takes a whole number from 1 on, not "many".'],
  ])("names %s, in a sentence and without a stack", async (_, words, sentence) => {
    const { end, stdout, stderr } = await startProgram(main, ...words).outcome;
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(end).toBe(1);
  });
});

interface SequenceCheck {
  readonly missing: number;
  readonly doubled: number;
  add(sequence: number): void;
}

describe("the check of the numbers", () => {
  it.each([
    ["none", [], 0, 0],
    ["all in their order", [1, 2, 3], 0, 0],
    ["a gap", [1, 2, 5], 2, 0],
    ["a late beginning", [4], 3, 0],
    ["one twice", [1, 2, 2, 3], 0, 1],
    ["one that comes late", [1, 3, 2], 1, 1],
  ])("counts what is missing and what is doubled: %s", async (_, sequence, missing, doubled) => {
    const url = new URL("../../examples/market-feed/sequence-check.mjs", import.meta.url).href;
    const module = (await import(url)) as { SequenceCheck: new () => SequenceCheck };
    const check = new module.SequenceCheck();
    for (const number of sequence) check.add(number);
    expect([check.missing, check.doubled]).toEqual([missing, doubled]);
  });
});
