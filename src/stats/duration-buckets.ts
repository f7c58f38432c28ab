// Counts durations in buckets and computes percentiles from the counts. The width of a bucket grows with the duration.
// The samples are not checked here: see Histogram.

/**
 * From 32 µs on, the range from each power of two to the next power of two is divided into 2 ** bucketBits buckets of
 * equal width. The width of such a bucket is at most 1/32 of each duration in the bucket.
 */
const bucketBits = 5;
const bucketsPerOctave = 1 << bucketBits;
/**
 * The largest duration that the buckets distinguish, in microseconds: about 71 minutes. Longer durations count as this
 * duration.
 */
const maxMicroseconds = 2 ** 32 - 1;
const noCounts = new Float64Array(0);

/**
 * Samples are not stored. The counts take 256 bytes for each power of two between the shortest and the longest sample.
 */
export class DurationBuckets {
  count = 0;
  sum = 0;
  min: number = Infinity;
  max = 0;
  last = 0;
  #counts = noCounts;
  /** The number of the first bucket that has a count: `#counts[0]` counts the samples of this bucket. */
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
   * Returns a percentile for each fraction: a duration that this fraction of the samples does not exceed.
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

  /**
   * Creates `bucket`, and the buckets between `bucket` and the existing buckets. All buckets of one power of two are
   * created together.
   */
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

/** Below 64 µs, each number of microseconds has its own bucket. From 64 µs on, each power of two has 32 buckets. */
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
