/**
 * The server process, built on `ws`. It can be killed and restarted at any time, because its only state is its journal:
 * messages follow from their numbers, and the parent sets the highest number of each lane.
 */
import { createServer } from "node:http";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { JournalWriter } from "./journal-writer.mjs";
import { burstSize, isIntact, makeMessage } from "./messages.mjs";

/** Limit of buffered bytes per socket. */
const mostBuffered = 2 * 1024 * 1024;

/** The highest number and the ranges of large messages of each lane. @type {Map<string, { head: number, bursts: [number, number][] }>} */
const lanes = new Map();
/** @type {Set<Connection>} */
const connections = new Set();
let folder = "";
/** @type {"lost" | "doubled" | "order" | undefined} */
let sabotage;

class Connection {
  #ws;
  #lane;
  #position;
  #isLive;
  #acknowledges;
  #isBlocked = false;
  #onWritten = () => {
    if (this.#isBlocked && this.#ws.bufferedAmount < mostBuffered / 2) this.pump();
  };
  /** @type {number[]} */
  #acknowledged = [];

  /**
   * @param {import("ws").WebSocket} ws
   * @param {URL} url
   */
  constructor(ws, url) {
    this.#ws = ws;
    this.#lane = url.searchParams.get("lane") ?? "";
    this.#position = headOf(this.#lane);
    this.#acknowledges = url.searchParams.has("acknowledges");
    // With the parameter `waits` the server sends nothing before `resumeAfter`; otherwise it sends at once.
    this.#isLive = !url.searchParams.has("waits");
    ws.on("message", (data) => this.#onMessage(JSON.parse(String(data))));
    ws.on("close", () => connections.delete(this));
    ws.on("error", () => {});
  }

  get lane() {
    return this.#lane;
  }

  /** @param {number} code */
  close(code) {
    this.#ws.close(code, "as drawn");
  }

  pump() {
    if (!this.#isLive) return;
    this.#isBlocked = false;
    const head = headOf(this.#lane);
    while (this.#position < head && this.#ws.bufferedAmount < mostBuffered) {
      this.#position++;
      this.#ws.send(textOf(this.#lane, this.#position), this.#onWritten);
    }
    this.#isBlocked = this.#position < head;
  }

  #onMessage(message) {
    if (message.resumeAfter !== undefined) {
      this.#position = Math.min(this.#position, message.resumeAfter);
      if (!this.#isLive) this.#position = message.resumeAfter;
      this.#isLive = true;
      this.pump();
      return;
    }
    // Written to the journal before it is acknowledged and before a later ping is answered.
    journalOf(this.#lane).write(message.id, isIntact(message.id, message.fill));
    if (!this.#acknowledges) return;
    if (this.#acknowledged.length === 0) setImmediate(() => this.#acknowledge());
    this.#acknowledged.push(message.id);
  }

  #acknowledge() {
    const acknowledged = this.#acknowledged;
    this.#acknowledged = [];
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(JSON.stringify({ acknowledged }));
  }
}

/** @param {string} name */
function headOf(name) {
  return lanes.get(name)?.head ?? 0;
}

/**
 * @param {string} name
 * @param {number} number
 */
function textOf(name, number) {
  const isLarge = lanes.get(name)?.bursts.some(([first, last]) => number >= first && number <= last) ?? false;
  return JSON.stringify(makeMessage("seq", number, isLarge ? burstSize : undefined));
}

/** @type {Map<string, JournalWriter>} */
const journals = new Map();

/** @param {string} lane */
function journalOf(lane) {
  let journal = journals.get(lane);
  if (journal === undefined) {
    journal = new JournalWriter(join(folder, `up-${lane}.log`), sabotage);
    journals.set(lane, journal);
  }
  return journal;
}

/** Answers an HTTP request with the messages after `after`. */
function answerHistory(request, response) {
  const url = new URL(request.url, "http://127.0.0.1");
  const lane = url.searchParams.get("lane") ?? "";
  const after = Number(url.searchParams.get("after"));
  const texts = [];
  for (let number = after + 1; number <= headOf(lane); number++) texts.push(textOf(lane, number));
  response.setHeader("connection", "close");
  response.end(`[${texts.join(",")}]`);
}

function start(port) {
  const http = createServer(answerHistory);
  const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 128 } });
  server.on("connection", (ws, request) => {
    const connection = new Connection(ws, new URL(request.url ?? "", "http://127.0.0.1"));
    connections.add(connection);
    connection.pump();
  });
  http.listen(port, "127.0.0.1", () => {
    process.send?.({ type: "listening", port: /** @type {any} */ (http.address()).port });
  });
}

process.on("message", (/** @type {any} */ order) => {
  switch (order.do) {
    case "start":
      ({ folder, sabotage } = order);
      start(order.port);
      break;
    case "head":
      lanes.set(order.lane, order);
      for (const connection of connections) connection.pump();
      break;
    case "close":
      for (const connection of connections) connection.close(order.code);
      break;
  }
});
process.on("disconnect", () => process.exit());
