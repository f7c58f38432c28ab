// Runs the example programs and compares their complete output.
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { root, startProgram } from "./run-program.js";

/** Modules and servers that the programs share. They are not run on their own. */
const shared = ["embedded-server.mjs", "playground.mjs"];

/** The complete output of each program. */
const printed: Readonly<Record<string, RegExp>> = {
  "token-per-attempt.mjs":
    /^Dialling with token-1\nRefused with 401: the token has expired\nDialling with token-2\nThe server says: welcome\n$/,
  "back-pressure.mjs":
    /^40000 messages, 39\.\d MiB\n0 dropped\n\d{3,4} waited at the most\nReading paused (\d+) times, and went on \1 times\nThe end: normal \(that was all\)\n$/,
  "protocol-by-hand.mjs":
    /^You said: hello, and hello, and hello again\nClosed with 1000\nThe stream has ended\n$/,
  "test-your-reconnect.mjs": new RegExp(
    [
      "^0 s: server-error, dialling again in 10 s",
      "20 s: connect-timeout, dialling again in 20 s",
      '40 s: received {"channel":"trades","connection":3}',
      "40 s: network-lost, dialling again in 10 s",
      '50 s: received {"channel":"trades","connection":4}\n$',
    ].join("\n"),
  ),
  "llm-session.mjs":
    /^Dialling with token-1\n( {2}\w+ \n){3}Lost: auth, token expired\nDialling with token-2\n {2}between \n {2}two \n {2}connections\.\n$/,
  "acknowledged-orders.mjs": new RegExp(
    [
      "^The link broke: network-lost",
      "backingOff, with 3 orders in the outbox",
      "Order 2 is acknowledged",
      "Order 3 is acknowledged",
      "Order 4 is acknowledged",
      "The server has tea, milk, sugar, honey, and saw 2 of them twice",
      "0 orders in the outbox\n$",
    ].join("\n"),
  ),
  "subscriptions.mjs": new RegExp(
    [
      ...["trades", "quotes", "news"].map((channel) => `Connection 1 is asked for ${channel}`),
      ...["trades", "quotes", "news"].map((channel) => `Connection 2 is asked for ${channel}`),
      "Back after network-lost, with trades, quotes, news\n$",
    ].join("\n"),
  ),
  "exchange-500-channels.mjs":
    /^Lost: network-lost\n500 of 500 channels are accepted on connection 2\nSubscribe messages of each connection: 25 and 25\nChannels with the trades 1, 2, 3, 4: 500\n$/,
  "worker-pool.mjs":
    /^Job 7 is done again\nJOB 6, JOB 7, JOB 8\n40 jobs, at most 3 connections at once\n4 connections, 41 leases, \d+ messages\n0 connections are left\n$/,
  "typed-feed.mjs": new RegExp(
    [
      "^VALIDATION_FAILED: price is no number\nABC 1.00\nABC 1.50\nLost: server-restart",
      "VALIDATION_FAILED: price is no number\nABC 2.00\nABC 2.50\n2 messages were dropped\n$",
    ].join("\n"),
  ),
  "llm-stream.mjs": /^2000 words, complete: true\n0 messages were dropped\n$/,
  "dashboard.mjs":
    /^The display shows the states 4801 to 5000\n4800 states were dropped, compressed well: true\n$/,
  "health-check.mjs": /^healthy\nunhealthy: server-error\n$/,
  "json-rpc.mjs": new RegExp(
    [
      "^Sums: 3 7 11",
      "Refused: there is no method multiply \\(-32601\\)",
      "Timeout: true",
      "Reported: {\n  message: { jsonrpc: '2.0', id: 5, result: 15 },\n  cause: 'lateAnswer',\n  channel: undefined\n}",
      "Lost: network-lost",
      "Sent again: 23 on connection 2\n$",
    ].join("\n"),
  ),
  "close-reports.mjs": new RegExp(
    [
      '^/restart {3}server-restart\n.*by peer, clean: true, retry: true\n.* 1012 sent, 1012 received, reason "deploying"\n',
      '/expired {3}auth\n.*by peer, clean: true, retry: true\n.* 4401 received, reason "token expired"\n',
      "/dropped {3}network-lost\n.*by network, clean: false, retry: true\n.* none sent, none received",
      "/limited {3}rate-limited\n.*phase http, by peer, clean: false, retry: true\n.*\n.*status: 429\n",
      "/ {10}refused\n.*phase tcp, by network, clean: false, retry: true\n.*\n.*error: ECONNREFUSED",
    ].join("(?:.*\n)*?"),
  ),
};

describe("the example programs", () => {
  it("are all listed in this test", async () => {
    const files = await readdir(`${root}/examples`);
    const programs = files.filter((file) => file.endsWith(".mjs") && !shared.includes(file));
    expect(Object.keys(printed).sort()).toEqual(programs.sort());
  });

  it.each(Object.entries(printed))("%s prints the expected output and exits", async (file, pattern) => {
    const { end, stdout, stderr } = await startProgram(`examples/${file}`).outcome;
    expect(stderr).toBe("");
    expect(stdout).toMatch(pattern);
    expect(end).toBe(0);
  });

  it.each(Object.keys(printed))("%s is short", async (file) => {
    const lines = (await readFile(`${root}/examples/${file}`, "utf8")).split("\n");
    expect(lines.filter((line) => !/^\s*(\/\/.*|\/\*\*.*)?$/.test(line)).length).toBeLessThan(60);
  });
});

describe("the buffer of a slow consumer", () => {
  it("does not exceed its capacity", async () => {
    const { stdout } = await startProgram("examples/back-pressure.mjs").outcome;
    const [, most] = /^(\d+) waited at the most$/m.exec(stdout) ?? [];
    expect(Number(most)).toBeLessThanOrEqual(1_000);
    const [, paused] = /^Reading paused (\d+) times/m.exec(stdout) ?? [];
    expect(Number(paused)).toBeGreaterThan(0);
  });
});
