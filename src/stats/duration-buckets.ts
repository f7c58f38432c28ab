// Counts durations in buckets and computes percentiles from the counts. The width of a bucket grows with the duration.
// It does not check its samples: see Histogram.

/**
 * Each power of two of microseconds has 2 ** bucketBits buckets of equal width. The width of a bucket is at most 1/32
 * of its values.
 */
const bucketBits = 5;
const bucketsPerOctave = 1 << bucketBits;
/** The largest number of microseconds that has its own bucket, about 71 minutes. */
const maxMicroseconds = 2 ** 32 - 1;
const noCounts = new Float64Array(0);

/** A sample takes no memory. Each power of two between the shortest and the longest sample takes 256 bytes. */
export class DurationBuckets {
  count = 0;
  sum = 0;
  min: number = Infinity;
  max = 0;
  last = 0;
  #counts = noCounts;
  /** `#counts[0]` counts the samples of the bucket with this number. */
  #offset = 0;

  constructor(samples: readonly number[]) {
    for (const sample of samples) this.record(sample);
  }

  record(sample: number): void {
    const bucket = bucketOf(sample);
    if (bucket < this.#offset || bucket >= this.#offset + this.#counts.length) this.#growTo(bucket);
    this.#counts[bucket - this.#offset]!++;
    this.count++;
    this.sum += sample;
    this.last = sample;
    if (sample < this.min) this.min = sample;
    if (sample > this.max) this.max = sample;
  }

  /**
   * Returns a duration for each fraction: this fraction of the samples does not exceed the duration.
   * @param fractions - From 0 to 1, in ascending order.
   */
  percentiles(fractions: readonly number[]): number[] {
    let index = -1;
    let counted = 0;
    return fractions.map((fraction) => {
      const rank = Math.ceil(fraction * this.count);
      while (counted < rank) counted += this.#counts[++index]!;
      return Math.min(Math.max(midpointOf(index + this.#offset), this.min), this.max);
    });
  }

  /** Adds buckets, by whole powers of two, so that `bucket` exists. */
  #growTo(bucket: number): void {
    const first = bucket - (bucket % bucketsPerOctave);
    if (this.count === 0) this.#offset = first;
    const offset = Math.min(first, this.#offset);
    const end = Math.max(first + bucketsPerOctave, this.#offset + this.#counts.length);
    const counts = new Float64Array(end - offset);
    counts.set(this.#counts, this.#offset - offset);
    this.#counts = counts;
    this.#offset = offset;
  }
}

/** Below 64 us, a bucket holds one number of microseconds. Above, each power of two adds 32 buckets. */
function bucketOf(duration: number): number {
  const microseconds = Math.min(duration * 1_000 + 0.5, maxMicroseconds) >>> 0;
  const shift = Math.max(31 - Math.clz32(microseconds) - bucketBits, 0);
  return (shift << bucketBits) + (microseconds >>> shift);
}

/** The middle of a bucket, in milliseconds. */
function midpointOf(bucket: number): number {
  const shift = Math.max((bucket >>> bucketBits) - 1, 0);
  const lowest = (bucket - (shift << bucketBits)) * 2 ** shift;
  return (lowest + (2 ** shift - 1) / 2) / 1_000;
}
