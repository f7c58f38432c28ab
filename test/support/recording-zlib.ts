// Streams of `node:zlib` that record the calls of their native handles.
import { createDeflateRaw, createInflateRaw, type ZlibOptions } from "node:zlib";
import type { ZlibStream, ZlibStreams } from "../../protocol/extensions/permessage-deflate/zlib-handle.js";

interface NativeHandle {
  writeSync: (...args: unknown[]) => void;
  reset: () => void;
}

/** Creates Node's streams, and records the calls to them in order. */
export class RecordingZlib implements ZlibStreams {
  /** The options of each stream. */
  readonly options: ZlibOptions[] = [];
  /** The bytes of each write. */
  readonly inputs: Buffer[] = [];
  /** Number of streams that are not closed. */
  openCount = 0;
  readonly #calls: string[] = [];

  createInflateRaw(options: ZlibOptions): ZlibStream {
    this.#calls.push(`open inflate ${options.windowBits}`);
    return this.#record(createInflateRaw(options), options);
  }

  createDeflateRaw(options: ZlibOptions): ZlibStream {
    this.#calls.push(`open deflate ${options.level}/${options.memLevel}/${options.windowBits}`);
    return this.#record(createDeflateRaw(options), options);
  }

  /** Returns the calls since the last one of this method: `open …`, `write` with a number of bytes, `reset`, `close`. */
  takeCalls(): string[] {
    return this.#calls.splice(0);
  }

  #record(stream: ZlibStream, options: ZlibOptions): ZlibStream {
    this.options.push(options);
    this.openCount++;
    const handle = Reflect.get(stream, "_handle") as NativeHandle;
    const writeSync = handle.writeSync.bind(handle);
    const reset = handle.reset.bind(handle);
    const close = stream.close.bind(stream);
    handle.writeSync = (...args): void => {
      const [, input, offset, size] = args as [number, Uint8Array, number, number];
      this.#calls.push(`write ${size}`);
      this.inputs.push(Buffer.from(input.subarray(offset, offset + size)));
      writeSync(...args);
    };
    handle.reset = (): void => {
      this.#calls.push("reset");
      reset();
    };
    stream.close = (): void => {
      this.#calls.push("close");
      this.openCount--;
      close();
    };
    return stream;
  }
}
