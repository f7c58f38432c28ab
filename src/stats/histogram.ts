// A histogram of durations with percentiles. It does not store the samples themselves, except the first 16.
import { DurationBuckets } from "./duration-buckets.js";

/** A summary of the samples of a histogram. Durations are in milliseconds. A plain, frozen object. */
export interface HistogramSnapshot {
  /** Number of samples. */
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** The newest sample. */
  readonly last: number;
  /**
   * Percentiles: 50 percent of the samples do not exceed `p50`. The error is at most 1.6 percent or half a microsecond,
   * whichever is larger.
   */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
}

/** Number of samples that are stored before buckets are created. Most histograms never have more samples. */
const maxKeptSamples = 16;
const noSamples: readonly number[] = [];

/**
 * A histogram of durations. Percentiles count a duration of more than 71 minutes as 71 minutes. An invalid duration
 * counts as 0. `sum`, `mean`, `min`, `max` and `last` are exact.
 *
 * The first 16 samples are stored in a list. Further samples take no memory. The buckets take 256 bytes for each power
 * of two between the shortest and the longest sample, at most 7 KiB.
 */
export class Histogram {
  /** The first samples, until buckets are created. */
  #kept = noSamples;
  #buckets: DurationBuckets | undefined;

  constructor(samples: readonly number[] = noSamples) {
    for (const sample of samples) this.record(sample);
  }

  /** @param duration - In milliseconds, with fractions. */
  record(duration: number): void {
    const sample = duration > 0 && duration < Infinity ? duration : 0;
    if (this.#buckets !== undefined) this.#buckets.record(sample);
    // `concat` allocates no unused memory. `push` and a spread would allocate memory for 16 more samples.
    else if (this.#kept.length < maxKeptSamples) this.#kept = this.#kept.concat(sample);
    else {
      this.#buckets = new DurationBuckets([...this.#kept, sample]);
      this.#kept = noSamples;
    }
  }

  /** Returns a summary of all samples; `undefined` before the first sample. */
  snapshot(): HistogramSnapshot | undefined {
    const buckets = this.#buckets ?? new DurationBuckets(this.#kept);
    const { count, sum, min, max, last } = buckets;
    if (count === 0) return undefined;
    const percentiles = buckets.percentiles([0.5, 0.9, 0.99, 0.999]);
    const [p50, p90, p99, p999] = percentiles as [number, number, number, number];
    return Object.freeze({ count, sum, mean: sum / count, min, max, last, p50, p90, p99, p999 });
  }
}
