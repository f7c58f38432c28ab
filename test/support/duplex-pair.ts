// A pair of connected streams in memory. Unlike sockets, they do not copy or split the data.
import { Duplex, type DuplexOptions } from "node:stream";

/** One end of a stream in memory. It passes on the same Buffer objects that are written. */
class MemoryEnd extends Duplex {
  other: MemoryEnd | undefined;

  override _read(): void {
    // _write() of the other end pushes the data.
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: () => void): void {
    this.other?.push(chunk, encoding);
    callback();
  }

  override _final(callback: () => void): void {
    this.other?.push(null);
    callback();
  }
}

/** Two connected streams: each one reads the data that the other one writes. */
export function createDuplexPair(options: DuplexOptions = {}): [Duplex, Duplex] {
  const one = new MemoryEnd(options);
  const two = new MemoryEnd(options);
  one.other = two;
  two.other = one;
  return [one, two];
}
