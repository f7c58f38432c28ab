// Counts durations in buckets whose width grows with the duration, and computes percentiles from them. It does not
// check its samples: see Histogram.

/**
 * Each power of two of microseconds has 2 ** bucketBits buckets of equal width, so a bucket is at most 1/32 as wide as
 * its values.
 */
const bucketBits = 5;
const bucketsPerOctave = 1 << bucketBits;
/** The largest number of microseconds that has its own bucket, about 71 minutes. */
const maxMicroseconds = 2 ** 32 - 1;
const noCounts = new Float64Array(0);

/** A sample takes no memory. Each power of two that is in use takes 256 bytes. */
export class DurationBuckets {
  count = 0;
  sum = 0;
  min: number = Infinity;
  max = 0;
  last = 0;
  #counts = noCounts;
  /** The number of the bucket that `#counts[0]` belongs to. */
  #offset = 0;

  record(sample: number): void {
    const bucket = bucketOf(sample);
    const index = bucket - this.#offset;
    if (index >= 0 && index < this.#counts.length) this.#counts[index]!++;
    else this.#growAndCount(bucket);
    this.count++;
    this.sum += sample;
    this.last = sample;
    if (sample < this.min) this.min = sample;
    if (sample > this.max) this.max = sample;
  }

  /** Adds the samples of `other`. The last sample of `other` becomes the last sample. */
  merge(other: DurationBuckets): void {
    this.#growTo(other.#offset, other.#offset + other.#counts.length);
    const shift = other.#offset - this.#offset;
    for (const [index, count] of other.#counts.entries()) this.#counts[index + shift]! += count;
    this.count += other.count;
    this.sum += other.sum;
    this.last = other.last;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }

  /**
   * Returns the percentile for each fraction: the duration that this fraction of the samples does not exceed.
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

  #growAndCount(bucket: number): void {
    this.#growTo(bucket, bucket + 1);
    this.#counts[bucket - this.#offset]!++;
  }

  /** Extends the buckets to the range from `first` to `end` (exclusive), by whole powers of two. */
  #growTo(first: number, end: number): void {
    const isEmpty = this.#counts.length === 0;
    const from = first - (first % bucketsPerOctave);
    const offset = isEmpty ? from : Math.min(from, this.#offset);
    const to = Math.ceil(end / bucketsPerOctave) * bucketsPerOctave;
    const length = Math.max(to, this.#offset + this.#counts.length) - offset;
    if (length === this.#counts.length) return;
    const counts = new Float64Array(length);
    counts.set(this.#counts, isEmpty ? 0 : this.#offset - offset);
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
