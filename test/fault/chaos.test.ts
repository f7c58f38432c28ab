// Property test: random calls of the client and random acts of the peer on one connection over a real socket.
// It does not test reconnecting; see random-use.test.ts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferOverflowError, InvalidStateError } from "../../src/index.js";
import { cases } from "../support/cases.js";
import { turns } from "../support/dialling.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { type Message, Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import {
  binaryFrame,
  closeFrame,
  deflated,
  fragments,
  frame,
  opcodes,
  pingFrame,
  pongFrame,
  textFrame,
} from "../support/wire.js";

/** Both ends of one connection, and the records that are compared after it has ended. */
interface Stage {
  readonly client: RecordedClient;
  readonly peer: PeerSocket;
  readonly scene: Scene;
  readonly aborter: AbortController;
  /** Every promise that a call of the client returned. */
  readonly promises: Promise<unknown>[];
  /** The messages that the peer sent, in order. */
  readonly peerMessages: string[];
  /** The messages passed to `send` and `trySend`, accepted or refused, in the order of the calls. */
  readonly clientMessages: { readonly text: string; isRefused: boolean }[];
  /** Messages from `recv()` and iterators. */
  readonly received: Message[];
  /** Messages from a listener. */
  readonly listenerMessages: Message[];
  readonly listener: (event: { readonly data: Message }) => void;
  hasListened: boolean;
  iterator: AsyncIterator<Message> | undefined;
  /** True after the peer has sent a RST: bytes that it had not read are lost. */
  isReset: boolean;
}

const nameOf = (message: unknown): string => String(message).slice(0, 8);
const size = (index: number): number => [10, 200, 70_000, 900_000][index % 4]!;

/** A text that starts with its own number. */
function numbered(kind: string, index: number): string {
  return `${kind}${index}`.padEnd(8, "_").padEnd(size(index), "x");
}

function nextPeerText(stage: Stage): string {
  const text = numbered("p", stage.peerMessages.length);
  stage.peerMessages.push(nameOf(text));
  return text;
}

function sendFromClient(stage: Stage, send: (text: string) => Promise<void> | string): void {
  const text = numbered("c", stage.clientMessages.length);
  const entry = { text: nameOf(text), isRefused: false };
  stage.clientMessages.push(entry);
  const result = send(text);
  if (typeof result === "string") {
    entry.isRefused = result === "dropped";
    return;
  }
  stage.promises.push(
    result.catch((error: unknown) => {
      // Only these two errors mean that the message was refused. Any other error means that the message was
      // accepted and the connection ended before it was sent.
      entry.isRefused = error instanceof BufferOverflowError || error instanceof InvalidStateError;
    }),
  );
}

/** Records a promise that must settle, whether it resolves or rejects. */
function track(stage: Stage, promise: Promise<unknown>): void {
  stage.promises.push(promise.catch(() => undefined));
}

type Act = (stage: Stage) => unknown;

const ofClient: Record<string, Act> = {
  sendRaw: (stage) => sendFromClient(stage, (text) => stage.client.ws.sendRaw(text)),
  "sendRaw compressed": (stage) =>
    sendFromClient(stage, (text) => stage.client.ws.sendRaw(text, { compress: true })),
  "sendRaw a Blob": (stage) =>
    sendFromClient(stage, (text) => stage.client.ws.sendRaw(new MemoryBlob(text), { binary: false })),
  trySend: (stage) => sendFromClient(stage, (text) => stage.client.ws.trySend(text)),
  recv: (stage) =>
    track(
      stage,
      stage.client.ws.recv().then((message) => stage.received.push(message)),
    ),
  "recv with a timeout": (stage) =>
    track(
      stage,
      stage.client.ws.recv({ timeout: 10 }).then((message) => stage.received.push(message)),
    ),
  next: (stage) => {
    stage.iterator ??= stage.client.ws[Symbol.asyncIterator]();
    const next = stage.iterator
      .next()
      .then(({ done, value }) => (done === true ? 0 : stage.received.push(value)));
    track(stage, next);
  },
  break: (stage) => {
    track(stage, stage.iterator?.return?.() ?? Promise.resolve());
    stage.iterator = undefined;
  },
  ping: (stage) => track(stage, stage.client.ws.ping()),
  flush: (stage) => track(stage, stage.client.ws.flush()),
  run: (stage) => track(stage, stage.client.ws.run()),
  listen: (stage) => {
    if (!stage.hasListened) stage.client.ws.on("message", stage.listener);
    stage.hasListened = true;
  },
  "remove the listener": ({ client, listener }) => client.ws.off("message", listener),
  unref: ({ client }) => client.ws.unref(),
};

const endsOfClient: Record<string, Act> = {
  close: (stage) => track(stage, stage.client.ws.close(4000)),
  terminate: ({ client }) => client.ws.terminate(),
  abort: ({ aborter }) => aborter.abort(new Error("aborted")),
};

const ofPeer: Record<string, Act> = {
  "sends text": (stage) => stage.peer.send(textFrame(nextPeerText(stage))),
  "sends binary": (stage) => stage.peer.send(binaryFrame(Buffer.from(nextPeerText(stage)))),
  "sends a burst": (stage) =>
    stage.peer.send(...Array.from({ length: 12 }, () => textFrame(nextPeerText(stage)))),
  "sends compressed": (stage) => stage.peer.send(textFrame(deflated(nextPeerText(stage)), { rsv1: true })),
  "sends fragments": (stage) => {
    const text = nextPeerText(stage);
    stage.peer.send(...fragments(opcodes.text, [text.slice(0, 5), "", text.slice(5)]));
  },
  pings: ({ peer }) => peer.send(pingFrame("ping")),
  pongs: ({ peer }) => peer.send(pongFrame("unasked")),
  "stops reading": ({ peer }) => peer.stopReading(),
  reads: ({ peer }) => peer.goOnReading(),
};

const endsOfPeer: Record<string, Act> = {
  closes: ({ peer }) => peer.send(closeFrame(1000, "bye")),
  "closes with 4000": ({ peer }) => peer.send(closeFrame(4000)),
  "violates the protocol": ({ peer }) => peer.send(frame({ opcode: 3 })),
  "starts a frame that never ends": ({ peer }) =>
    peer.send(frame({ opcode: opcodes.binary, announced: 60_000_000 })),
  ends: ({ peer }) => peer.end(),
  resets: (stage) => {
    stage.isReset = true;
    stage.peer.reset();
  },
};

const time: Record<string, Act> = {
  "a turn": () => turns(1),
  "some turns": () => turns(4),
  "a second": ({ scene }) => scene.clock.advance(1_000),
  "a minute": ({ scene }) => scene.clock.advance(60_000),
};

const acts: Record<string, Act> = { ...ofClient, ...endsOfClient, ...ofPeer, ...endsOfPeer, ...time };
const names = (...groups: Record<string, Act>[]) =>
  fc.constantFrom(...groups.flatMap((group) => Object.keys(group)));
const act = fc.oneof(
  { weight: 12, arbitrary: names(ofClient, ofPeer) },
  { weight: 6, arbitrary: names(time) },
  { weight: 1, arbitrary: names(endsOfClient, endsOfPeer) },
);

const setting = fc.record<Setting>({
  isSecure: fc.boolean(),
  overflow: fc.constantFrom("pause", "pause", "dropOldest", "dropNewest", "error"),
});

async function settled(promises: readonly Promise<unknown>[]): Promise<void> {
  const waiting = new Set(promises);
  for (const promise of promises) void promise.finally(() => waiting.delete(promise));
  for (let turn = 0; turn < 50 && waiting.size > 0; turn++) await turns(1);
  expect(waiting.size, "promises that do not settle").toBe(0);
}

/** True if `part` is a subsequence of `whole`. */
function isInOrder(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  return part.every((item) => {
    at = whole.indexOf(item, at) + 1;
    return at > 0;
  });
}

function check(stage: Stage, leftOver: readonly string[]): void {
  const { client, peerMessages, clientMessages, peer } = stage;
  const { report } = client.all("closed")[0]!;
  const stats = client.ws.stats();
  const dropped = client.all("dropped");
  const droppedIn = dropped
    .filter(({ direction }) => direction === "in")
    .map(({ message }) => nameOf(message));
  const droppedOut = dropped.filter(({ direction }) => direction === "out");
  const received = [...stage.received.map(nameOf), ...leftOver];
  const listenerMessages = stage.listenerMessages.map(nameOf);

  // Every received message is delivered once to each consumer, in order, or reported as dropped.
  const arrivedMessages = peerMessages.slice(0, stats.messagesReceived);
  for (const list of [received, listenerMessages, droppedIn]) expect(new Set(list).size).toBe(list.length);
  expect(isInOrder(received, arrivedMessages)).toBe(true);
  expect(isInOrder(listenerMessages, arrivedMessages)).toBe(true);
  expect(received.filter((item) => droppedIn.includes(item))).toEqual([]);
  expect([...new Set([...received, ...listenerMessages, ...droppedIn])].sort()).toEqual(
    arrivedMessages.sort(),
  );

  // Every accepted message is on the wire once, in order, or reported as unsent, or counted as uncertain.
  const framesAtPeer = peer.waitingFrames
    .filter(({ opcode }) => opcode === opcodes.text)
    .map((item) => (item.rsv1 ? undefined : nameOf(item.payload)));
  const accepted = clientMessages.filter(({ isRefused }) => !isRefused).map(({ text }) => text);
  const uncompressed = framesAtPeer.filter((item) => item !== undefined);
  expect(isInOrder(uncompressed, accepted)).toBe(true);
  expect(report.messagesUnsent).toBe(droppedOut.length);
  expect(framesAtPeer.length + droppedOut.length).toBeLessThanOrEqual(accepted.length);
  const missing = accepted.length - framesAtPeer.length - droppedOut.length;
  const hasReadAll = !stage.isReset && peer.error === undefined;
  if (hasReadAll) expect(missing).toBeLessThanOrEqual(report.wasClean ? 0 : report.messagesUncertain);
  expect(client.ws.bufferedAmount).toBe(0);
}

interface Setting {
  readonly isSecure: boolean;
  readonly overflow: "pause" | "dropOldest" | "dropNewest" | "error";
}

async function begin({ isSecure, overflow }: Setting): Promise<Stage> {
  const scene = new Scene(true);
  const server = await scene.listen({ isSecure });
  const aborter = new AbortController();
  const parameters = "server_no_context_takeover; client_no_context_takeover";
  const { client, peer } = await scene.open(
    {
      ...{ buffer: { capacity: 5, overflow }, highWaterMark: 300_000, maxBufferedAmount: 3_000_000 },
      ...{ signal: aborter.signal, compress: { noContextTakeover: true }, tls: { ca: server.ca } },
    },
    { server, fields: [`Sec-WebSocket-Extensions: permessage-deflate; ${parameters}`] },
  );
  const listenerMessages: Message[] = [];
  return {
    ...{
      client,
      peer,
      scene,
      aborter,
      listenerMessages,
      promises: [],
      peerMessages: [],
      clientMessages: [],
      received: [],
    },
    listener: ({ data }) => listenerMessages.push(data),
    ...{ hasListened: false, iterator: undefined, isReset: false },
  };
}

async function play(setting: Setting, script: readonly string[]): Promise<void> {
  const stage = await begin(setting);
  const { client, peer, scene } = stage;
  for (const name of script) await acts[name]!(stage);

  peer.goOnReading();
  if (!peer.isGone) peer.endWithClient();
  stage.promises.push(client.ws.close());
  for (let turn = 0; turn < 200 && client.all("closed").length === 0; turn++) await turns(1);
  // Calls that are still pending wait for a peer that never answers: let their timeouts pass.
  scene.clock.advance(100_000);
  await client.event("closed");
  await settled(stage.promises);
  if (!peer.isGone) await peer.untilGone();
  const leftOver: string[] = [];
  while (client.ws.stats().messagesWaiting > 0) leftOver.push(nameOf(await client.ws.recv()));
  check(stage, leftOver);
  await scene.finish();
}

describe("random acts of the client and the peer", () => {
  it("lose or duplicate no message unreported, settle every promise and leave no resource open", async () => {
    const property = fc.asyncProperty(setting, fc.array(act, { maxLength: 30, size: "max" }), play);
    await fc.assert(property, { numRuns: cases(100) });
  }, 60_000);
});
