import type { Channel } from "node:diagnostics_channel";
import { isUtf8 } from "node:buffer";
import { escapeControls, type FrameObserver, type ObservedFrame, Opcode } from "../../../protocol/index.js";
import type { CloseReport } from "../../events/close-report.js";
import { nodeChannels, nodeUtil } from "../../runtime/node-modules.js";
import { redact } from "./redaction.js";

/** Published on `jetsocket:open`: a connection is open. */
export interface OpenMessage {
  readonly client: object;
  readonly url: string;
  readonly subprotocol: string;
  readonly extensions: string;
  /** The count of the client's connections, from 1 on. */
  readonly connection: number;
}

/** Published on `jetsocket:close`: a connection has ended, or an attempt to open one has failed. */
export interface CloseMessage {
  readonly client: object;
  readonly report: CloseReport;
}

/** Published on `jetsocket:reconnect`: the wait before an attempt begins. */
export interface ReconnectMessage {
  readonly client: object;
  readonly attempt: number;
  readonly delayMs: number;
  /** The end that the attempt follows. */
  readonly report: CloseReport;
}

/** Published on `jetsocket:ping`: the pong of our own ping has come. */
export interface PingMessage {
  readonly client: object;
  readonly latencyMs: number;
}

/** Published on `jetsocket:frame`: a frame has come, or was made to be sent. Payloads are not published. */
export interface FrameMessage {
  readonly client: object;
  readonly direction: "in" | "out";
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  /** Bytes on the wire, without the header. */
  readonly payloadSize: number;
}

/** What `util.debuglog` gives. */
export interface DebugLog {
  readonly enabled: boolean;
  (format: string, ...parameters: unknown[]): void;
}

/** So many bytes of a payload are logged. */
const excerptSize = 64;
/** So many of one that is no text. */
const maxHexBytes = 16;

const opcodeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(Opcode).map(([name, opcode]) => [opcode, name]),
);

/**
 * Tells those who watch from outside: subscribers of `node:diagnostics_channel`, and the log of `NODE_DEBUG=jetsocket`.
 * Without either nothing is computed. What a subscriber throws is an uncaught exception, as Node has it for all channels.
 */
export class Diagnostics {
  readonly #open: Channel = nodeChannels().channel("jetsocket:open");
  readonly #close: Channel = nodeChannels().channel("jetsocket:close");
  readonly #reconnect: Channel = nodeChannels().channel("jetsocket:reconnect");
  readonly #ping: Channel = nodeChannels().channel("jetsocket:ping");
  readonly #frame: Channel = nodeChannels().channel("jetsocket:frame");
  readonly #log: DebugLog;
  /** NODE_DEBUG is read when the process starts: this does not change. */
  readonly #isLogging: boolean;
  readonly #numbers: WeakMap<object, number> = new WeakMap();
  #clientCount = 0;

  constructor(log: DebugLog = nodeUtil().debuglog("jetsocket")) {
    this.#log = log;
    this.#isLogging = log.enabled;
  }

  open(message: OpenMessage): void {
    if (this.#open.hasSubscribers) this.#open.publish(message);
    if (!this.#isLogging) return;
    const { client, url, subprotocol, extensions, connection } = message;
    const agreed = `subprotocol=${quote(subprotocol)} extensions=${quote(extensions)}`;
    this.#write(client, `open connection=${connection} url=${quote(url)} ${agreed}`);
  }

  close(message: CloseMessage): void {
    if (this.#close.hasSubscribers) this.#close.publish(message);
    if (!this.#isLogging) return;
    const { client, report } = message;
    const codes = `sent=${report.codeSent ?? "none"} received=${report.codeReceived ?? "none"}`;
    const reason = `reason=${quote(report.reason)} error=${quote(report.error?.message ?? "")}`;
    this.#write(client, `close verdict=${report.verdict} phase=${report.phase} ${codes} ${reason}`);
  }

  reconnect(message: ReconnectMessage): void {
    if (this.#reconnect.hasSubscribers) this.#reconnect.publish(message);
    if (!this.#isLogging) return;
    const { client, attempt, delayMs, report } = message;
    this.#write(client, `reconnect attempt=${attempt} delayMs=${delayMs} verdict=${report.verdict}`);
  }

  ping(client: object, latencyMs: number): void {
    if (!this.#ping.hasSubscribers) return;
    const message: PingMessage = { client, latencyMs };
    this.#ping.publish(message);
  }

  /**
   * What a connection of `client` is to be made with. Subscribers that come later are seen from the next read on,
   * for looking costs one comparison per read and per message sent.
   */
  frameObserver(client: object): FrameObserver {
    return new FrameTeller(this, client);
  }

  /** Somebody wants to see frames. */
  get isShowingFrames(): boolean {
    return this.#isLogging || this.#frame.hasSubscribers;
  }

  /** The most bytes of a payload that are looked at. */
  get excerptSize(): number {
    return this.#isLogging ? excerptSize : 0;
  }

  /** A frame of `client` has come, or was made to be sent. */
  observeFrame(client: object, direction: "in" | "out", frame: ObservedFrame): void {
    if (this.#frame.hasSubscribers) {
      const { opcode, isFinal, isCompressed, payloadSize } = frame;
      const message: FrameMessage = { client, direction, opcode, isFinal, isCompressed, payloadSize };
      this.#frame.publish(message);
    }
    if (this.#isLogging) this.#write(client, `${direction} ${lineOf(frame)}`);
  }

  #write(client: object, line: string): void {
    let number = this.#numbers.get(client);
    if (number === undefined) {
      number = ++this.#clientCount;
      this.#numbers.set(client, number);
    }
    this.#log("%s", `#${number} ${line}`);
  }
}

class FrameTeller implements FrameObserver {
  readonly #diagnostics: Diagnostics;
  readonly #client: object;

  constructor(owner: Diagnostics, client: object) {
    this.#diagnostics = owner;
    this.#client = client;
  }

  get excerptSize(): number {
    return this.#diagnostics.excerptSize;
  }

  onFrame(direction: "in" | "out", frame: ObservedFrame): void {
    this.#diagnostics.observeFrame(this.#client, direction, frame);
  }

  get isActive(): boolean {
    return this.#diagnostics.isShowingFrames;
  }
}

/** `text fin 12 bytes "{\"price\":1}"`. */
function lineOf(frame: ObservedFrame): string {
  const { opcode, isFinal, isCompressed, payloadSize } = frame;
  const flags = `${isFinal ? " fin" : ""}${isCompressed ? " rsv1" : ""}`;
  return `${opcodeNames.get(opcode)}${flags} ${payloadSize} bytes${contentOf(frame)}`;
}

/** A secret in the middle of a message or inside compressed data can't be told from the rest: neither is shown. */
function contentOf({ opcode, isCompressed, payloadSize, excerpt }: ObservedFrame): string {
  if (isCompressed || opcode === Opcode.continuation || payloadSize === 0) return "";
  const rest = payloadSize > excerpt.length ? "..." : "";
  if (opcode === Opcode.text) return ` ${quote(readClipped(excerpt, rest !== ""))}${rest}`;
  if (opcode === Opcode.close && excerpt.length >= 2) {
    return ` ${excerpt.readUInt16BE(0)} ${quote(readClipped(excerpt.subarray(2), rest !== ""))}${rest}`;
  }
  const bytes = rest === "" ? excerpt : withoutCutCharacter(excerpt);
  // Bytes may be text all the same, and that may hold secrets.
  if (isUtf8(bytes)) return ` ${quote(bytes.toString())}${rest}`;
  const shown = excerpt.subarray(0, maxHexBytes);
  return ` ${shown.toString("hex")}${payloadSize > shown.length ? "..." : ""}`;
}

/** Leaves out at most three bytes at the end: those of a character that was cut in two. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let length = bytes.length; length >= bytes.length - 3 && length > 0; length--) {
    if (isUtf8(bytes.subarray(0, length))) return bytes.subarray(0, length);
  }
  return bytes;
}

/** Leaves out the character that the end of the excerpt may have cut in two. */
function readClipped(bytes: Buffer, isClipped: boolean): string {
  const text = bytes.toString();
  return isClipped ? text.replace(/\ufffd+$/, "") : text;
}

/** One line, whatever a peer has put into it. */
function quote(text: string): string {
  return escapeControls(JSON.stringify(redact(text)));
}

/** Those of the process. */
export const diagnostics: Diagnostics = new Diagnostics();
