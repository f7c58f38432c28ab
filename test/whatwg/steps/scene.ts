// A test fixture for the steps of the standard: a scripted server, sockets that record their events, and the tests that
// the table of the steps names.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, it, onTestFinished } from "vitest";
import { type SocketEventMap, WebSocket, type WebSocketOptions } from "../../../src/whatwg/index.js";
import {
  type Acceptance,
  type PeerRequest,
  type PeerSocket,
  ScriptedPeer,
} from "../../support/scripted-peer.js";
import { closeFrame } from "../../support/wire.js";

const page = new URL("../../../docs/design/whatwg-steps.md", import.meta.url);

/** The steps of the table, by their ids. */
export function readSteps(): Map<string, string> {
  const rows = readFileSync(page, "utf8").matchAll(/^\| `([a-z]+\.[a-z-]+)` +\| (.+?) +\|$/gm);
  return new Map([...rows].map(([, id, text]) => [id!, text!]));
}

const steps = readSteps();

/** Defines the test of a step. The table contains its name. */
export function step(id: string, test: () => void | Promise<void>): void {
  const text = steps.get(id);
  if (text === undefined) throw new Error(`The table of steps does not contain "${id}".`);
  it(`${id}: ${text}`, test);
}

const types = ["open", "message", "error", "close"] as const;
const peers: ScriptedPeer[] = [];
const sockets: WebSocket[] = [];

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await Promise.all(sockets.splice(0).map((ws) => ended(ws)));
});

async function ended(ws: WebSocket): Promise<void> {
  if (ws.readyState !== WebSocket.CLOSED) await once(ws, "close");
}

/** A server that is closed after the test. */
export async function listen(): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen();
  peers.push(peer);
  return peer;
}

/** A socket whose end the test waits for. */
export function create(
  url: unknown,
  protocols?: unknown,
  options?: WebSocketOptions & { readonly [name: string]: unknown },
): WebSocket {
  const ws = new WebSocket(url as string, protocols as string, options);
  sockets.push(ws);
  return ws;
}

/** A socket and the server's side of its connection. */
export interface Opened {
  readonly ws: WebSocket;
  readonly peer: PeerSocket;
  /** The events so far, each with the state at that time. */
  readonly log: string[];
}

/** Accepts the next client, so that the socket after it can connect. @returns its request. */
export async function nextRequest(server: ScriptedPeer): Promise<PeerRequest> {
  const peer = await server.client();
  await peer.accept();
  return peer.request();
}

/** Gives the program a `location` until the end of the test. */
export function setLocation(href: string): void {
  Object.defineProperty(globalThis, "location", { value: new URL(href), configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, "location"));
}

/** Records the type of each event, and `readyState` in its listener. */
export function record(ws: WebSocket): string[] {
  const log: string[] = [];
  for (const type of types) ws.addEventListener(type, () => log.push(`${type} ${ws.readyState}`));
  return log;
}

/** Opens a socket. */
export async function open(
  options?: WebSocketOptions,
  accept?: Acceptance,
  protocols?: string | string[],
): Promise<Opened> {
  const server = await listen();
  const ws = create(server.url, protocols, options);
  const log = record(ws);
  const peer = await server.client();
  const opened = next(ws, "open");
  await peer.accept(accept);
  await opened;
  return { ws, peer, log };
}

/** Waits for the next event of a type. */
export async function next<Type extends keyof SocketEventMap>(
  ws: WebSocket,
  type: Type,
): Promise<SocketEventMap[Type]> {
  const [event] = (await once(ws, type)) as [SocketEventMap[Type]];
  return event;
}

/** Waits until all tasks of the current turn of the event loop are done. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Completes the closing handshake that the client has started. @returns the Close frame of the client. */
export async function answerClose(peer: PeerSocket): Promise<{ code: number | undefined; reason: string }> {
  const { code, reason } = await peer.untilClose();
  peer.send(closeFrame(code, reason));
  peer.endWithClient();
  return { code, reason };
}

/** The name of the exception that a call throws. */
export function nameOfError(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { name } = error as Error;
    return error instanceof DOMException ? `DOMException ${name}` : name;
  }
  return "nothing";
}

/** What `Object.prototype.toString` returns for an object, such as `[object CloseEvent]`. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}
