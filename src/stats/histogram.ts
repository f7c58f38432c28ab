import { DurationBuckets } from "./duration-buckets.js";

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

/** So many samples are kept as they are: most histograms of most clients never have more. */
const maxKeptSamples = 16;
const noSamples: readonly number[] = [];

/**
 * Durations from a microsecond to an hour, in buckets that grow with them, from which percentiles are read. What is
 * longer counts as 71 minutes, what is no duration as 0; sum, mean, min, max and last are exact.
 *
 * The first few are kept one by one. From then on a sample takes no memory, and the buckets do: 256 bytes for each
 * power of two between the shortest sample and the longest, at most 7 KiB.
 */
export class Histogram {
  /** The first samples, until there are buckets. */
  #kept = noSamples;
  #buckets: DurationBuckets | undefined;

  get count(): number {
    return this.#buckets?.count ?? this.#kept.length;
  }

  /** @param duration - In milliseconds, with their fractions. */
  record(duration: number): void {
    const sample = duration > 0 && duration < Infinity ? duration : 0;
    if (this.#buckets !== undefined) this.#buckets.record(sample);
    else if (this.#kept.length === maxKeptSamples) this.#makeBuckets().record(sample);
    // Neither by `push` nor by a spread, which make room for sixteen more.
    else this.#kept = this.#kept.concat(sample);
  }

  #makeBuckets(): DurationBuckets {
    this.#buckets ??= bucketsOf(this.#kept);
    this.#kept = noSamples;
    return this.#buckets;
  }

  /** Adds the samples of `other`; the newest are taken to be its own, where it has any. */
  merge(other: Histogram): void {
    if (other.count > 0) this.#makeBuckets().merge(other.#asBuckets());
  }

  #asBuckets(): DurationBuckets {
    return this.#buckets ?? bucketsOf(this.#kept);
  }

  /** What is known so far; `undefined` before the first sample. */
  snapshot(): HistogramSnapshot | undefined {
    if (this.count === 0) return undefined;
    const asBuckets = this.#asBuckets();
    const { count, sum, min, max, last } = asBuckets;
    const [p50, p90, p99, p999] = asBuckets.percentiles([0.5, 0.9, 0.99, 0.999]) as [
      number,
      number,
      number,
      number,
    ];
    return Object.freeze({ count, sum, mean: sum / count, min, max, last, p50, p90, p99, p999 });
  }
}

function bucketsOf(samples: readonly number[]): DurationBuckets {
  const buckets = new DurationBuckets();
  for (const sample of samples) buckets.record(sample);
  return buckets;
}
