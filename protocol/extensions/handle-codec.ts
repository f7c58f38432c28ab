import { Buffer } from "node:buffer";
import { ChunkedOutput } from "./chunked-output.js";
import type { Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import type { CodecFilling } from "./codec-filling.js";
import { asProtocolError, invalidDeflateData } from "./deflate-errors.js";
import { callsAsExpected, KeptHandle, type ZlibStreams } from "./kept-handle.js";
import { constants } from "./node-zlib.js";
import { RestartBudget } from "./restart-budget.js";
import { SlidingWindow } from "./sliding-window.js";
import { WindowPrimer } from "./window-primer.js";
import { deflateOptions, inflateWindowBits } from "./zlib-options.js";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;

/** The end of an empty stored block, which RFC 7692 7.2.1 takes off and 7.2.2 puts back. */
const tailSize = 4;

/** The tail, and one byte that is left unread where the tail ends a block. */
const tailAndProbe: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00);

/** What the codecs of one factory share: none of them holds any of it between two calls. */
class HandleScratch {
  readonly inflated: ChunkedOutput = new ChunkedOutput();
  readonly deflated: ChunkedOutput = new ChunkedOutput();
  readonly primer: WindowPrimer = new WindowPrimer();
  readonly restarts: RestartBudget = new RestartBudget();
}

class HandleInflater implements Inflater {
  readonly #streams: ZlibStreams;
  readonly #scratch: HandleScratch;
  readonly #windowBits: number;
  readonly #window: SlidingWindow;
  readonly #keepsContext: boolean;
  /** `undefined` while the inflater rests. */
  #openHandle: KeptHandle | undefined;
  /** How many bytes of the message at hand are in the window. */
  #recordedSize = 0;

  constructor(options: InflaterOptions, streams: ZlibStreams, scratch: HandleScratch) {
    this.#streams = streams;
    this.#scratch = scratch;
    this.#windowBits = inflateWindowBits(options.windowBits);
    this.#window = new SlidingWindow(this.#windowBits);
    this.#keepsContext = options.keepsContext;
    this.#openHandle = this.#open();
  }

  #opened(): KeptHandle {
    this.#openHandle ??= this.#open();
    return this.#openHandle;
  }

  #open(): KeptHandle {
    const handle = KeptHandle.inflater(this.#streams, { windowBits: this.#windowBits });
    if (this.#window.size > 0) this.#scratch.primer.prime(handle, this.#window);
    return handle;
  }

  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean): Buffer {
    // A deflater that is flushed with nothing to say yields nothing: some peers send it like this.
    if (compressed.length === 0) return Buffer.alloc(0);
    const output = this.#scratch.inflated;
    this.#begin(maxSize);
    try {
      this.#takeMessage(compressed);
      this.#takeTail();
      if (this.#keepsContext) this.#record();
      return output.take(isKept);
    } catch (error) {
      output.clear();
      throw asProtocolError(error);
    }
  }

  rest(): void {
    this.#openHandle?.close();
    this.#openHandle = undefined;
  }

  close(): void {
    this.rest();
  }

  #begin(maxSize: number): void {
    this.#scratch.inflated.begin(maxSize);
    this.#scratch.restarts.begin(maxSize);
    this.#recordedSize = 0;
    if (this.#keepsContext) return;
    this.#opened().reset();
    this.#window.clear();
  }

  #takeMessage(compressed: Uint8Array): void {
    const output = this.#scratch.inflated;
    let unread = this.#opened().run(Z_SYNC_FLUSH, compressed, compressed.length, output);
    // RFC 7692 7.2.3.4: a final block ends zlib's stream, not the message.
    while (unread > 0) {
      this.#restart();
      unread = this.#opened().run(Z_SYNC_FLUSH, compressed, unread, output);
    }
  }

  /** RFC 7692 7.2.2: puts the tail back. In a message that is whole it ends a block and yields nothing. */
  #takeTail(): void {
    const output = this.#scratch.inflated;
    const size = output.size;
    const unread = this.#opened().run(Z_BLOCK, tailAndProbe, tailAndProbe.length, output);
    if (unread === tailAndProbe.length) {
      this.#restart();
    } else if (unread !== tailAndProbe.length - tailSize || output.size !== size) {
      throw invalidDeflateData("it ends inside a block");
    }
  }

  /** zlib forgets its window with the end of its stream, RFC 7692 does not. */
  #restart(): void {
    this.#record();
    this.#scratch.restarts.spend(this.#window.size);
    this.#opened().reset();
    this.#scratch.primer.prime(this.#opened(), this.#window);
  }

  #record(): void {
    const output = this.#scratch.inflated;
    output.appendTo(this.#window, this.#recordedSize);
    this.#recordedSize = output.size;
  }
}

class HandleDeflater implements Deflater {
  readonly #options: DeflaterOptions;
  readonly #output: ChunkedOutput;
  readonly #handle: KeptHandle;

  constructor(options: DeflaterOptions, streams: ZlibStreams, scratch: HandleScratch) {
    this.#options = options;
    this.#output = scratch.deflated;
    this.#handle = KeptHandle.deflater(streams, deflateOptions(options));
  }

  deflate(payload: Uint8Array): Uint8Array {
    // RFC 7692 7.2.3.6: zlib yields nothing when it is flushed twice, so the empty block is written by hand.
    if (payload.length === 0) return new Uint8Array(1);
    const output = this.#output;
    output.begin(Infinity);
    if (!this.#options.keepsContext) this.#handle.reset();
    this.#handle.run(Z_SYNC_FLUSH, payload, payload.length, output);
    return output.take(false, output.size - tailSize);
  }

  close(): void {
    this.#handle.close();
  }
}

/** Keeps the native handles of zlib streams. */
export class HandleFilling implements CodecFilling {
  readonly name = "handle";
  readonly #streams: ZlibStreams;
  readonly #scratch: HandleScratch = new HandleScratch();

  private constructor(streams: ZlibStreams) {
    this.#streams = streams;
  }

  /** The filling, where the handles of this Node do what is expected of them: some bytes go there and back. */
  static open(streams: ZlibStreams): HandleFilling | undefined {
    const filling = new HandleFilling(streams);
    try {
      return callsAsExpected(streams) && roundTrips(filling) ? filling : undefined;
    } catch {
      return undefined;
    }
  }

  inflater(options: InflaterOptions): Inflater {
    return new HandleInflater(options, this.#streams, this.#scratch);
  }

  deflater(options: DeflaterOptions): Deflater {
    return new HandleDeflater(options, this.#streams, this.#scratch);
  }
}

function roundTrips(filling: CodecFilling): boolean {
  const direction = { windowBits: 15, keepsContext: true };
  const deflater = filling.deflater({ ...direction, level: constants.Z_DEFAULT_COMPRESSION, memLevel: 8 });
  const inflater = filling.inflater(direction);
  try {
    const message = Buffer.from("What is said twice takes fewer bytes the second time.");
    const first = Buffer.from(deflater.deflate(message));
    const second = Buffer.from(deflater.deflate(message));
    const isSame = [first, second].every((bytes) =>
      inflater.inflate(bytes, message.length, true).equals(message),
    );
    return isSame && second.length < first.length;
  } finally {
    deflater.close();
    inflater.close();
  }
}
