/** What a histogram says of its samples, in milliseconds. Plain and frozen. */
export interface HistogramSnapshot {
  /** How many samples there are. */
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** The newest. */
  readonly last: number;
  /** So many of a hundred samples are at most this; right to 1.6 percent or half a microsecond. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
}

/** Each power of two of microseconds is cut into so many buckets of one width: none is wider than 1/32 of what it holds. */
const bucketBits = 5;
const bucketsPerOctave = 1 << bucketBits;
/** The largest number of microseconds that has a bucket of its own; it is more than an hour. */
const maxMicroseconds = 2 ** 32 - 1;
const none = new Float64Array(0);
/** So many samples are kept as they are: most histograms of most clients never have more. */
const maxKeptSamples = 16;

/**
 * Durations from a microsecond to an hour, in buckets that grow with them, from which percentiles are read. What is
 * longer counts as 71 minutes, what is no duration as 0; sum, mean, min, max and last are exact.
 *
 * The first few are kept one by one. From then on a sample takes no memory, and the buckets do: 256 bytes for each
 * power of two between the shortest sample and the longest, at most 7 KiB.
 */
export class Histogram {
  /** The first samples, until there are buckets. */
  #kept: number[] | undefined = [];
  #counts = none;
  /** The bucket of the first count. */
  #offset = 0;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;
  #last = 0;

  get count(): number {
    return this.#count;
  }

  /** @param duration - In milliseconds, with their fractions. */
  record(duration: number): void {
    const sample = duration > 0 && duration < Infinity ? duration : 0;
    if (this.#kept !== undefined) this.#keep(sample);
    else this.#putInBucket(sample);
    this.#count++;
    this.#sum += sample;
    this.#last = sample;
    if (sample < this.#min) this.#min = sample;
    if (sample > this.#max) this.#max = sample;
  }

  #keep(sample: number): void {
    this.#kept!.push(sample);
    if (this.#kept!.length > maxKeptSamples) this.#makeBuckets();
  }

  #makeBuckets(): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const sample of kept) this.#putInBucket(sample);
  }

  #putInBucket(sample: number): void {
    const index = bucketOf(sample) - this.#offset;
    if (index >= 0 && index < this.#counts.length) this.#counts[index]!++;
    else this.#countAside(index + this.#offset);
  }

  /** Adds the samples of `other`; the newest are taken to be its own, where it has any. */
  merge(other: Histogram): void {
    if (other.#count === 0) return;
    this.#makeBuckets();
    other.#makeBuckets();
    this.#cover(other.#offset, other.#offset + other.#counts.length);
    const shift = other.#offset - this.#offset;
    for (const [index, count] of other.#counts.entries()) this.#counts[index + shift]! += count;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#last = other.#last;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** What is known so far; `undefined` before the first sample. */
  snapshot(): HistogramSnapshot | undefined {
    if (this.#count === 0) return undefined;
    const [p50, p90, p99, p999] = this.#percentiles([0.5, 0.9, 0.99, 0.999]);
    return Object.freeze({
      count: this.#count,
      sum: this.#sum,
      mean: this.#sum / this.#count,
      min: this.#min,
      max: this.#max,
      last: this.#last,
      p50: p50!,
      p90: p90!,
      p99: p99!,
      p999: p999!,
    });
  }

  /** @param parts - In rising order. */
  #percentiles(parts: readonly number[]): number[] {
    if (this.#kept !== undefined) {
      const sorted = this.#kept.map(bucketOf).sort((one, other) => one - other);
      return parts.map((part) => this.#valueOf(sorted[Math.ceil(part * this.#count) - 1]!));
    }
    let index = -1;
    let passed = 0;
    return parts.map((part) => {
      const rank = Math.ceil(part * this.#count);
      while (passed < rank) passed += this.#counts[++index]!;
      return this.#valueOf(index + this.#offset);
    });
  }

  #valueOf(bucket: number): number {
    return Math.min(Math.max(middleOf(bucket), this.#min), this.#max);
  }

  #countAside(bucket: number): void {
    this.#cover(bucket, bucket + 1);
    this.#counts[bucket - this.#offset]!++;
  }

  /** Makes place for the buckets from `first` to before `end`, by whole powers of two. */
  #cover(first: number, end: number): void {
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
function middleOf(bucket: number): number {
  const shift = Math.max((bucket >>> bucketBits) - 1, 0);
  const least = (bucket - (shift << bucketBits)) * 2 ** shift;
  return (least + (2 ** shift - 1) / 2) / 1_000;
}
