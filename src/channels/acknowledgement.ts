/** Reads the result of the option `isAck`. It does not know which channels wait for an acknowledgement. */
import { isUnwantedPromise } from "./listeners.js";
import type { AckDetails } from "./options.js";

/** What a message acknowledges. */
export interface Ack {
  readonly id: number | undefined;
  /** `undefined`: all channels of the message with the id, or of the oldest message if `id` is `undefined`, too. */
  readonly names: readonly string[] | undefined;
  readonly isRefused: boolean;
  /** Why the server refuses the channels. */
  readonly reason: unknown;
}

const noDetails: AckDetails = {};

function accepted(names: readonly string[] | undefined): Ack {
  return { id: undefined, names, isRefused: false, reason: undefined };
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/**
 * @param nameOf - Returns the channel of the message, for the result `true`.
 * @returns `undefined` if the message is no acknowledgement.
 * @throws TypeError for a result that has none of the documented forms.
 */
export function readAcknowledgement(result: unknown, nameOf: () => string | undefined): Ack | undefined {
  if (isNothing(result)) return undefined;
  if (result === true) {
    const name = nameOf();
    return accepted(name === undefined ? undefined : [name]);
  }
  if (typeof result === "string") return accepted([result]);
  if (isNames(result)) return accepted(result);
  const details: unknown = Array.isArray(result) || isUnwantedPromise(result) ? undefined : result;
  const { id, channels, refused } = typeof details === "object" ? (details as AckDetails) : noDetails;
  const names: unknown = typeof channels === "string" ? [channels] : channels;
  const isId = id === undefined || typeof id === "number";
  if (!isId || (names === undefined ? id === undefined : !isNames(names)))
    throw new TypeError(
      "isAck must return undefined, a boolean, the name of a channel, an array of names, or { id, channels, refused }.",
    );
  const isRefused = !isNothing(refused);
  return {
    id,
    names: names as readonly string[] | undefined,
    isRefused,
    reason: isRefused ? refused : undefined,
  };
}

/** Identifies equal acknowledgements. */
export function ackKey({ id, names }: Ack): string {
  return `${id ?? ""} ${names === undefined ? "" : JSON.stringify(names)}`;
}
