// The server side of tests over real sockets: a WebSocket peer without code from `protocol/`. It does not answer on
// its own.
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { RawServer, type RawServerOptions } from "./raw-server.js";
import { opcodes, type ReadFrame, readFrames } from "./wire.js";

/** The head of a client's opening handshake. */
export interface PeerRequest {
  /** All bytes of the head, including the empty line. */
  readonly head: string;
  readonly requestLine: string;
  /** The fields in their order and spelling, with repetitions. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The value of the only field with this name, or `undefined`. Throws when there are several. */
  field(name: string): string | undefined;
}

/** The answer to a handshake. */
export interface Acceptance {
  /** Lines to add to the 101, such as `Sec-WebSocket-Protocol: chat`. */
  readonly fields?: readonly string[];
  /** Bytes that follow the 101 in the same write. */
  readonly followedBy?: readonly Uint8Array[];
}

/** A server on 127.0.0.1 that sends nothing on its own: the test controls it byte by byte. */
export class ScriptedPeer {
  readonly #server: RawServer;
  readonly #isSecure: boolean;
  #connectionCount = 0;

  private constructor(server: RawServer, isSecure: boolean) {
    this.#server = server;
    this.#isSecure = isSecure;
    server.server.on("connection", () => this.#connectionCount++);
  }

  static async listen(options: RawServerOptions = {}): Promise<ScriptedPeer> {
    return new ScriptedPeer(await new RawServer(options).listen(), options.isSecure ?? false);
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return `${this.#isSecure ? "wss" : "ws"}://127.0.0.1:${this.port}/feed`;
  }

  /** The path of the Unix socket, or `undefined`. */
  get path(): string | undefined {
    return this.#server.path;
  }

  /** The certificate that a client must trust. */
  get ca(): string {
    return this.#server.certificate.cert;
  }

  /** The number of accepted TCP connections. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** Waits for the next client. */
  async client(): Promise<PeerSocket> {
    return new PeerSocket(await this.#server.socket());
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

interface Watch {
  readonly isTrue: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The server's end of one connection. It reads all data, and waits for conditions, never for a time. */
export class PeerSocket {
  readonly socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  /** The chunks after {@link PeerSocket.#unread}, and the size in bytes that the next parse needs. */
  #chunks: Buffer[] = [];
  #chunksSize = 0;
  #neededSize = 0;
  #request: PeerRequest | undefined;
  readonly #frames: ReadFrame[] = [];
  #frameCount = 0;
  #watches: Watch[] = [];
  #hasEnded = false;
  #isGone = false;
  #error: Error | undefined;
  #receivedSize = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#receivedSize += bytes.length;
      this.#chunks.push(bytes);
      this.#chunksSize += bytes.length;
      if (this.#unread.length + this.#chunksSize >= this.#neededSize) this.#parse();
      this.#look();
    });
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#look();
    });
    socket.on("error", (error) => (this.#error = error));
    socket.on("close", () => {
      this.#isGone = true;
      this.#look();
    });
    socket.setNoDelay(true);
  }

  /** Size in bytes of the received data, including the handshake. */
  get receivedSize(): number {
    return this.#receivedSize;
  }

  /** Received frames that frame() has not returned yet. */
  get waitingFrames(): readonly ReadFrame[] {
    return this.#frames;
  }

  /** The number of complete frames received. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** True when the client has ended its side. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error;
  }

  #parse(): void {
    this.#unread = Buffer.concat([this.#unread, ...this.#chunks]);
    this.#chunks = [];
    this.#chunksSize = 0;
    if (this.#request === undefined) {
      const end = this.#unread.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.#request = readRequest(this.#unread.toString("latin1", 0, end + 4));
      this.#unread = this.#unread.subarray(end + 4);
    }
    for (;;) {
      this.#neededSize = frameSizeOf(this.#unread);
      if (this.#unread.length < this.#neededSize) return;
      this.#frames.push(...readFrames(this.#unread.subarray(0, this.#neededSize)));
      this.#frameCount++;
      this.#unread = this.#unread.subarray(this.#neededSize);
    }
  }

  #look(): void {
    const watches = this.#watches;
    this.#watches = [];
    for (const watch of watches) {
      if (watch.isTrue()) watch.resolve();
      else if (this.#isGone)
        watch.reject(new Error("The client closed the connection first", { cause: this.#error }));
      else this.#watches.push(watch);
    }
  }

  /** Resolves when `isTrue` returns true; checked whenever data arrives. */
  async until(isTrue: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#watches.push({ isTrue, resolve, reject });
      this.#look();
    });
  }

  async request(): Promise<PeerRequest> {
    await this.until(() => this.#request !== undefined);
    return this.#request!;
  }

  /** Answers the handshake with a valid 101. */
  async accept({ fields = [], followedBy = [] }: Acceptance = {}): Promise<PeerRequest> {
    const request = await this.request();
    this.send(switching(request, fields), ...followedBy);
    return request;
  }

  /** Writes all pieces at once. */
  send(...pieces: readonly (Uint8Array | string)[]): void {
    const bytes = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece));
    this.socket.write(Buffer.concat(bytes));
  }

  /** Waits for the next frame. A frame without a mask is an error (RFC 6455 5.1). */
  async frame(): Promise<ReadFrame> {
    await this.until(() => this.#frames.length > 0);
    const frame = this.#frames.shift()!;
    if (!frame.isMasked) throw new Error("The client sent a frame without a mask.");
    return frame;
  }

  /** Waits for the next frame, which must be a complete text message. Returns its text. */
  async text(): Promise<string> {
    const { opcode, isFinal, payload } = await this.frame();
    if (opcode !== opcodes.text || !isFinal)
      throw new Error(`Expected a text message, got opcode ${opcode}.`);
    return payload.toString();
  }

  /** Discards frames until the client's Close, and returns that. */
  async untilClose(): Promise<{ readonly code: number | undefined; readonly reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode !== opcodes.close) continue;
      const code = payload.length === 0 ? undefined : payload.readUInt16BE(0);
      return { code, reason: payload.toString("utf8", 2) };
    }
  }

  /** Waits until the client has ended its side of the stream. */
  async untilEnd(): Promise<void> {
    await this.until(() => this.#hasEnded);
  }

  async untilGone(): Promise<void> {
    await this.until(() => this.#isGone);
  }

  /** Ends this side as soon as the client has ended its own, as a server should (RFC 6455 7.1.1). */
  endWithClient(): this {
    if (this.#hasEnded) this.end();
    else this.socket.once("end", () => this.end());
    return this;
  }

  /** Ends this side of the stream after all sent data. */
  end(): void {
    this.socket.end();
  }

  /** Aborts the connection with a RST. Unlike `resetAndDestroy()`, it sends no FIN first. */
  reset(): void {
    // TLS sockets and ending sockets cannot be reset.
    if (this.socket.writableEnded || this.socket instanceof TLSSocket) this.socket.destroy();
    else Object.assign(this.socket, { resetAndClosing: true }).destroy();
  }

  /** Stops reading: the client's bytes stay in the kernel. */
  stopReading(): void {
    this.socket.pause();
  }

  goOnReading(): void {
    this.socket.resume();
  }
}

export function readRequest(head: string): PeerRequest {
  const [requestLine = "", ...lines] = head.slice(0, -4).split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return {
    head,
    requestLine,
    fields,
    field: (name) => {
      const values = fields.filter((field) => field[0].toLowerCase() === name.toLowerCase());
      if (values.length > 1) throw new Error(`${name} is present ${values.length} times.`);
      return values[0]?.[1];
    },
  };
}

/** RFC 6455 4.2.2: the SHA-1 hash of the key followed by the fixed GUID. */
export function acceptFor(request: PeerRequest): string {
  const key = request.field("Sec-WebSocket-Key") ?? "";
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** A valid 101 with additional lines. */
export function switching(request: PeerRequest, fields: readonly string[] = []): string {
  const lines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${acceptFor(request)}`];
  return ["HTTP/1.1 101 Switching Protocols", ...lines, ...fields, "", ""].join("\r\n");
}

/** The size in bytes of the first frame. With an incomplete header, the size that is needed to read on. */
function frameSizeOf(bytes: Buffer): number {
  if (bytes.length < 2) return 2;
  const lengthCode = bytes[1]! & 0x7f;
  const extendedSize = lengthCode === 126 ? 2 : lengthCode === 127 ? 8 : 0;
  const headerSize = 2 + extendedSize + ((bytes[1]! & 0x80) === 0 ? 0 : 4);
  if (bytes.length < headerSize) return headerSize;
  if (lengthCode === 126) return headerSize + bytes.readUInt16BE(2);
  if (lengthCode === 127) return headerSize + Number(bytes.readBigUInt64BE(2));
  return headerSize + lengthCode;
}
