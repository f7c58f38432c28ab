/**
 * How many bytes of UTF-8 are looked at: by the bits that say where characters end there the shape of those that come
 * first is found, which is the list of their sizes. That is the way of "Transcoding Billions of Unicode Characters per
 * Second with SIMD Instructions" (Lemire and Mula, 2021).
 */
const windowSize = 12;

/** Six characters of at most two bytes are taken at once; else up to four of at most three. */
const tripleCounts = [1, 2, 3, 4];
const pairCount = 6;

/** Shapes have numbers: from here on they have pairs, in lanes of 16 bits; before it triples, in lanes of 32. */
export const firstPairShape: number = 3 + 3 ** 2 + 3 ** 3 + 3 ** 4;

/** The first character has four bytes. */
export const surrogateShape: number = 0xff;

/**
 * Where a shape is found by the bits for the ends, the first byte lowest: 16 bits, of which the lowest 4 say how many
 * bytes it takes, the next 8 are its number, and the highest 4 say how many units it gives.
 */
export const entriesAt: number = 0;

/** Where its order is by the number of a shape: 16 bytes, which say where each byte comes from. */
export const ordersAt: number = 8 * 1024;

/** A place that is out of reach: such a byte becomes zero. */
const noByte = 0xff;

/** All lists of `count` sizes. */
function sizesOf(count: number, largest: number): number[][] {
  if (count === 0) return [[]];
  const lists: number[][] = [];
  for (const sizes of sizesOf(count - 1, largest)) {
    for (let size = 1; size <= largest; size++) lists.push([...sizes, size]);
  }
  return lists;
}

/** The bytes of each character go into a lane of its own, the last one lowest. */
function writeOrder(bytes: Uint8Array, orderAt: number, sizes: readonly number[], laneSize: number): void {
  bytes.fill(noByte, orderAt, orderAt + 16);
  let laneAt = orderAt;
  let last = -1;
  for (const size of sizes) {
    last += size;
    for (let back = 0; back < size; back++) bytes[laneAt + back] = last - back;
    laneAt += laneSize;
  }
}

/** The bits for the ends of characters; the highest one is for the end of the last. */
function endsOf(sizes: readonly number[]): number {
  return sizes.reduceRight((ends, size) => ((ends << 1) | 1) << (size - 1), 0);
}

/** Writes both tables; where several shapes fit it is the longest that a window has. */
export function writeShapes(memory: ArrayBuffer): void {
  const bytes = new Uint8Array(memory);
  const entries = new DataView(memory, entriesAt);
  const shapes = [...tripleCounts.flatMap((count) => sizesOf(count, 3)), ...sizesOf(pairCount, 2)];
  const shapesByEnd = Array.from({ length: windowSize }, (): [number, number][] => []);
  for (const [shape, sizes] of shapes.entries()) {
    writeOrder(bytes, ordersAt + shape * 16, sizes, shape < firstPairShape ? 4 : 2);
    const ends = endsOf(sizes);
    const size = 32 - Math.clz32(ends);
    shapesByEnd[size - 1]!.push([ends, size | (shape << 4) | (sizes.length << 12)]);
  }
  entries.setUint16(0, 4 | (surrogateShape << 4) | (2 << 12), true);
  // With each further byte that is looked at the windows are twice as many, and those that end with it get a shape.
  for (const [byte, found] of shapesByEnd.entries()) {
    bytes.copyWithin(entriesAt + (2 << byte), entriesAt, entriesAt + (2 << byte));
    for (const [ends, entry] of found) entries.setUint16(ends * 2, entry, true);
  }
}
