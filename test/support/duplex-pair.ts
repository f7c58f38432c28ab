import { Duplex, type DuplexOptions } from "node:stream";

/** One end of a stream in memory; it passes on the very bytes that it is given. */
class MemoryEnd extends Duplex {
  other: MemoryEnd | undefined;

  override _read(): void {
    // What the other end writes is pushed as it comes.
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

/** Two streams, each of which reads what the other one writes. */
export function createDuplexPair(options: DuplexOptions = {}): [Duplex, Duplex] {
  const one = new MemoryEnd(options);
  const two = new MemoryEnd(options);
  one.other = two;
  two.other = one;
  return [one, two];
}
