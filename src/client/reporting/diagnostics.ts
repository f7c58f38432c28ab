/**
 * Publishes events of all clients on `node:diagnostics_channel`, and writes the log of `NODE_DEBUG=jetsocket`. It does
 * not store events.
 */
import type { Channel } from "node:diagnostics_channel";
import { isUtf8 } from "node:buffer";
import {
  escapeControls,
  type FrameObserver,
  type ObservedFrame,
  Opcode,
  redactText,
  utf8Text,
} from "../../../protocol/index.js";
import type { CloseReport } from "../../events/close-report.js";
import { nodeChannels, nodeUtil } from "../../runtime/node-modules.js";
import { defaultRedactor, type Redactor } from "../../redaction/redactor.js";

/** Published on `jetsocket:open`: a connection is open. */
export interface OpenMessage {
  readonly client: object;
  readonly url: string;
  readonly subprotocol: string;
  readonly extensions: string;
  /** The number of the connection within its client, from 1. */
  readonly connection: number;
}

/** Published on `jetsocket:close`: a connection has ended, or an attempt to connect has failed. */
export interface CloseMessage {
  readonly client: object;
  readonly report: CloseReport;
}

/** Published on `jetsocket:reconnect`: a client begins to wait before its next attempt. */
export interface ReconnectMessage {
  readonly client: object;
  /** The number of the attempt since the last open connection, from 1. */
  readonly attempt: number;
  /** The wait before the attempt, in milliseconds. */
  readonly delayMs: number;
  /** The report on the preceding connection or attempt. */
  readonly report: CloseReport;
}

/** Published on `jetsocket:ping`: the pong for a ping of this client was received. */
export interface PingMessage {
  readonly client: object;
  /** The time from the ping to its pong, in milliseconds. */
  readonly latencyMs: number;
}

/** Published on `jetsocket:frame`: a frame was received, or was created to be sent. Payloads are not published. */
export interface FrameMessage {
  readonly client: object;
  readonly direction: "in" | "out";
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  /** The size of the payload as transmitted, in bytes, without the frame header. */
  readonly payloadSize: number;
}

/** Has the redactor of the connection whose frames are logged. */
export interface RedactorSource {
  readonly redactor: Redactor;
}

/** The function that `util.debuglog` returns. */
export interface DebugLog {
  readonly enabled: boolean;
  (format: string, ...parameters: unknown[]): void;
}

/** Maximum number of logged bytes of a payload. */
const excerptSize = 64;
/** Maximum number of logged bytes of a payload that is not UTF-8. */
const maxHexBytes = 16;

const opcodeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(Opcode).map(([name, opcode]) => [opcode, name]),
);

/**
 * Publishes to the channels and writes the log. It computes nothing if there is no subscriber and no log. An error that
 * a subscriber throws becomes an uncaught exception, as on every channel of Node.
 */
export class Diagnostics {
  readonly #open: Channel = nodeChannels().channel("jetsocket:open");
  readonly #close: Channel = nodeChannels().channel("jetsocket:close");
  readonly #reconnect: Channel = nodeChannels().channel("jetsocket:reconnect");
  readonly #ping: Channel = nodeChannels().channel("jetsocket:ping");
  readonly #frame: Channel = nodeChannels().channel("jetsocket:frame");
  readonly #log: DebugLog;
  /** Constant, because Node reads NODE_DEBUG when the process starts. */
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
    if (this.#ping.hasSubscribers) this.#ping.publish({ client, latencyMs } satisfies PingMessage);
  }

  /**
   * Returns the observer for a connection of `client`. The connection checks `isActive` at each read and send, so a
   * subscriber may be added later.
   */
  frameObserver(client: object, source?: RedactorSource): FrameObserver {
    return new FramePublisher(this, client, source);
  }

  /** True if frames are published or logged. */
  get isObservingFrames(): boolean {
    return this.#isLogging || this.#frame.hasSubscribers;
  }

  /** The connection passes at most this number of bytes, from the start of each payload, to {@link observeFrame}. */
  get excerptSize(): number {
    return this.#isLogging ? excerptSize : 0;
  }

  /** Publishes and logs a frame of `client` that was received, or was created to be sent. */
  observeFrame(
    client: object,
    direction: "in" | "out",
    frame: ObservedFrame,
    redactor: Redactor = defaultRedactor,
  ): void {
    if (this.#frame.hasSubscribers) {
      const { opcode, isFinal, isCompressed, payloadSize } = frame;
      const message: FrameMessage = { client, direction, opcode, isFinal, isCompressed, payloadSize };
      this.#frame.publish(message);
    }
    if (this.#isLogging) this.#write(client, `${direction} ${lineOf(frame, redactor)}`);
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

class FramePublisher implements FrameObserver {
  readonly #diagnostics: Diagnostics;
  readonly #client: object;
  readonly #source: RedactorSource | undefined;

  constructor(owner: Diagnostics, client: object, source: RedactorSource | undefined) {
    this.#diagnostics = owner;
    this.#client = client;
    this.#source = source;
  }

  get excerptSize(): number {
    return this.#diagnostics.excerptSize;
  }

  onFrame(direction: "in" | "out", frame: ObservedFrame): void {
    this.#diagnostics.observeFrame(this.#client, direction, frame, this.#source?.redactor);
  }

  get isActive(): boolean {
    return this.#diagnostics.isObservingFrames;
  }
}

/** Returns the log line of a frame, such as `text fin 12 bytes "{\"price\":1}"`. */
function lineOf(frame: ObservedFrame, redactor: Redactor): string {
  const { opcode, isFinal, isCompressed, payloadSize } = frame;
  const flags = `${isFinal ? " fin" : ""}${isCompressed ? " rsv1" : ""}`;
  return `${opcodeNames.get(opcode)}${flags} ${payloadSize} bytes${contentOf(frame, redactor)}`;
}

/**
 * Returns the logged part of a payload. Continuation frames and compressed payloads are not logged, because a secret in
 * them cannot be recognised.
 */
function contentOf(
  { opcode, isCompressed, payloadSize, excerpt }: ObservedFrame,
  redactor: Redactor,
): string {
  if (isCompressed || opcode === Opcode.continuation || payloadSize === 0) return "";
  const rest = payloadSize > excerpt.length ? "..." : "";
  const show = (bytes: Buffer): string => {
    if (rest === "") return quoteShown(redactor.text(readClipped(bytes, false), "payload"));
    const text = redactor.start(readClipped(bytes, true), "payload");
    // The cut may have left only the start of a token, which then does not look random.
    return quoteShown(text.replace(/[\w+~-]*\d[\w+~-]*$/, "***"));
  };
  if (opcode === Opcode.text) return ` ${show(excerpt)}${rest}`;
  if (opcode === Opcode.close && excerpt.length >= 2) {
    return ` ${excerpt.readUInt16BE(0)} ${show(excerpt.subarray(2))}${rest}`;
  }
  const bytes = rest === "" ? excerpt : withoutCutCharacter(excerpt);
  // A binary payload may be text that contains secrets, so valid UTF-8 is redacted like text.
  if (isUtf8(bytes)) return ` ${show(bytes)}${rest}`;
  const shown = excerpt.subarray(0, maxHexBytes);
  return ` ${shown.toString("hex")}${payloadSize > shown.length ? "..." : ""}`;
}

/** Removes an incomplete UTF-8 character from the end of the bytes. An incomplete character has at most three bytes. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let length = bytes.length; length >= bytes.length - 3 && length > 0; length--) {
    if (isUtf8(bytes.subarray(0, length))) return bytes.subarray(0, length);
  }
  return bytes;
}

/** Decodes an excerpt of text. If it is clipped, an incomplete character at its end is omitted. */
function readClipped(bytes: Buffer, isClipped: boolean): string {
  const text = utf8Text(bytes);
  return isClipped ? text.replace(/\ufffd+$/, "") : text;
}

/** Redacts and quotes text, and escapes control characters, so that the output is a single line. */
function quote(text: string): string {
  return quoteShown(redactText(text));
}

function quoteShown(text: string): string {
  return escapeControls(JSON.stringify(text));
}

/** The instance for all clients of the process. */
export const diagnostics: Diagnostics = new Diagnostics();
