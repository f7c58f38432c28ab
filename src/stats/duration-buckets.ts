/** Each power of two of microseconds is cut into so many buckets of one width: none is wider than 1/32 of what it holds. */
const bucketBits = 5;
const bucketsPerOctave = 1 << bucketBits;
/** The largest number of microseconds that has a bucket of its own; it is more than an hour. */
const maxMicroseconds = 2 ** 32 - 1;
const noCounts = new Float64Array(0);

/** Counts of durations in buckets that grow with them. A sample takes no memory, each power of two takes 256 bytes. */
export class DurationBuckets {
  count = 0;
  sum = 0;
  min: number = Infinity;
  max = 0;
  last = 0;
  #counts = noCounts;
  /** The bucket of the first count. */
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

  /** Adds the samples of `other`; the newest are taken to be its own. */
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
   * For each part of one, the duration that so many of the samples are at most.
   * @param parts - In rising order.
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

  /** Makes place for the buckets from `first` to before `end`, by whole powers of two. */
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

/** Below 64 us a bucket holds one number of microseconds; above, its number grows by 32 with each power of two. */
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
