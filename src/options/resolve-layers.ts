/**
 * Checks the options that concern more than a single connection, and adds their defaults. This module does not check
 * the options of a connection itself (`resolve-options.ts`).
 */
import { ownOptions } from "../../protocol/index.js";
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkNumber,
  checkObject,
  checkOneOf,
  readOptions,
  wrongValue,
} from "./checks.js";
import type {
  BackoffOptions,
  BufferOptions,
  Cursor,
  Cursors,
  HeartbeatOptions,
  LayerOptions,
  OutboxOptions,
  ReplayOptions,
  RotationOptions,
} from "./layer-options.js";

/** Options in which every property is present. Only an option without a default may be `undefined`. */
type Resolved<Options, WithoutDefault extends keyof Options = never> = {
  readonly [Key in keyof Options]-?:
    Exclude<Options[Key], undefined> | (Key extends WithoutDefault ? undefined : never);
};

/** The layer options with their defaults. */
export interface ResolvedLayers<Received = unknown, Sent = unknown> {
  readonly reconnect: boolean;
  readonly retryInitial: boolean;
  readonly backoff: Resolved<BackoffOptions, "maxElapsed">;
  readonly shouldReconnect: LayerOptions<Received, Sent>["shouldReconnect"] | undefined;
  readonly maxConnectionAge: number | undefined;
  readonly rotation: Resolved<RotationOptions>;
  /** `undefined` if there is no heartbeat. */
  readonly heartbeat: Resolved<HeartbeatOptions<Received, Sent>, "ping" | "isPong"> | undefined;
  readonly buffer: Resolved<BufferOptions<Received>, "keyOf">;
  /**
   * `undefined` if there is no outbox. Either both `idOf` and `acknowledges` are present, or neither is present.
   * `keyOf` is present only with `"conflate"`.
   */
  readonly outbox:
    | Resolved<OutboxOptions<Received, Sent>, "ttl" | "perSecond" | "keyOf" | "idOf" | "acknowledges">
    | undefined;
  /** `undefined` if messages are not numbered. */
  readonly replay:
    | Resolved<
        ReplayOptions<Received, Sent>,
        "isNext" | "streamOf" | "epochOf" | "onReplay" | "maxStreams" | "cursors"
      >
    | undefined;
  readonly onConnection: LayerOptions<Received, Sent>["onConnection"] | undefined;
  readonly setupTimeout: number;
}

const minute = 60_000;
const maxInteger = Number.MAX_SAFE_INTEGER;
const maxBytes = 4 * 1024 * 1024;
/** Largest allowed limit for a number of messages. */
const maxCount = 2 ** 31 - 1;

// All clients share these default objects.
const defaultBackoff = Object.freeze(resolveBackoff({}));
const defaultRotation = Object.freeze(resolveRotation({}, false));
const overlapRotation = Object.freeze(resolveRotation({}, true));
const defaultHeartbeat = Object.freeze(resolveHeartbeat({}));
const defaultBuffer = Object.freeze(resolveBuffer<unknown>({}));

/**
 * Checks the layer options and adds the defaults.
 * @throws TypeError for an unknown name, a value of the wrong type, or an option that requires another option.
 * @throws RangeError for a number out of bounds.
 */
export function resolveLayers(
  options: LayerOptions<unknown, unknown>,
  connectTimeout: number,
): ResolvedLayers {
  const { maxConnectionAge, setupTimeout } = options;
  const replay = options.replay === undefined ? undefined : resolveReplay(options.replay);
  return {
    reconnect: checkBoolean("reconnect", options.reconnect, true),
    retryInitial: checkBoolean("retryInitial", options.retryInitial, false),
    backoff: options.backoff === undefined ? defaultBackoff : resolveBackoff(options.backoff),
    shouldReconnect: checkFunction("shouldReconnect", options.shouldReconnect),
    maxConnectionAge: checkInteger("maxConnectionAge", maxConnectionAge, undefined, 1, maxInteger),
    rotation: resolveRotation(options.rotation, replay !== undefined),
    heartbeat: resolveHeartbeat(options.heartbeat),
    buffer: options.buffer === undefined ? defaultBuffer : resolveBuffer(options.buffer),
    outbox: resolveOutbox(options.outbox),
    replay,
    onConnection: checkFunction("onConnection", options.onConnection),
    setupTimeout: checkInteger("setupTimeout", setupTimeout, connectTimeout, 1, maxInteger),
  };
}

function resolveBackoff(given: BackoffOptions): ResolvedLayers["backoff"] {
  const backoff = readOptions("backoff", given, [
    ...(["base", "multiplier", "cap", "floor", "jitter"] as const),
    ...(["maxAttempts", "maxElapsed", "resetAfter", "retryAfterCap"] as const),
  ]);
  return {
    base: checkInteger("backoff.base", backoff.base, 1_000, 1, maxInteger),
    multiplier: checkNumber("backoff.multiplier", backoff.multiplier, 2, 1, maxInteger),
    cap: checkInteger("backoff.cap", backoff.cap, minute, 1, maxInteger),
    floor: checkInteger("backoff.floor", backoff.floor, 100, 0, maxInteger),
    jitter: checkBoolean("backoff.jitter", backoff.jitter, true),
    maxAttempts: checkInteger("backoff.maxAttempts", backoff.maxAttempts, 0, 0, maxInteger),
    maxElapsed: checkInteger("backoff.maxElapsed", backoff.maxElapsed, undefined, 1, maxInteger),
    resetAfter: checkInteger("backoff.resetAfter", backoff.resetAfter, minute, 0, maxInteger),
    retryAfterCap: checkInteger("backoff.retryAfterCap", backoff.retryAfterCap, 15 * minute, 0, maxInteger),
  };
}

function resolveRotation(
  rotation: RotationOptions | undefined,
  hasReplay: boolean,
): ResolvedLayers["rotation"] {
  if (rotation === undefined) return hasReplay ? overlapRotation : defaultRotation;
  const own = readOptions("rotation", rotation, ["mode", "overlap", "jitter", "maxWaiting"]);
  const { mode, overlap, jitter, maxWaiting } = own;
  return {
    // Without replay an overlap would deliver messages twice.
    mode: checkOneOf("rotation.mode", mode, hasReplay ? ["overlap", "replace"] : ["replace", "overlap"]),
    overlap: checkInteger("rotation.overlap", overlap, 5_000, 0, maxInteger),
    jitter: checkNumber("rotation.jitter", jitter, 0.1, 0, 1),
    maxWaiting: checkInteger("rotation.maxWaiting", maxWaiting, 10_000, 1, maxCount),
  };
}

function resolveHeartbeat(given: LayerOptions<unknown, unknown>["heartbeat"]): ResolvedLayers["heartbeat"] {
  if (given === undefined) return defaultHeartbeat;
  if (given === false) return undefined;
  const { interval, timeout, ping, isPong } = readOptions<HeartbeatOptions<unknown, unknown>>(
    "heartbeat",
    typeof given === "number" ? { interval: given } : given,
    ["interval", "timeout", "ping", "isPong"],
    "false, a number or an object",
  );
  if (isPong !== undefined && ping === undefined) {
    throw missingOption("heartbeat.isPong", "heartbeat.ping", "there is no message that could be answered");
  }
  return {
    interval: checkInteger("heartbeat.interval", interval, 30_000, 1, maxInteger),
    timeout: checkInteger("heartbeat.timeout", timeout, 20_000, 1, maxInteger),
    ping: checkFunction("heartbeat.ping", ping),
    isPong: checkFunction("heartbeat.isPong", isPong),
  };
}

function resolveBuffer<Received>(
  given: number | BufferOptions<Received>,
): ResolvedLayers<Received, never>["buffer"] {
  const buffer = readOptions<BufferOptions<Received>>(
    "buffer",
    typeof given === "number" ? { capacity: given } : given,
    ["capacity", "maxBytes", "overflow", "keyOf"],
    "a number or an object",
  );
  const policies = ["pause", "dropOldest", "dropNewest", "conflate", "error"] as const;
  const overflow = checkOneOf("buffer.overflow", buffer.overflow, policies);
  return {
    capacity: checkInteger("buffer.capacity", buffer.capacity, 1_000, 1, maxCount),
    maxBytes: checkInteger("buffer.maxBytes", buffer.maxBytes, maxBytes, 1, maxInteger),
    overflow,
    keyOf: checkKeyOf("buffer", buffer.keyOf, overflow),
  };
}

function resolveOutbox(given: LayerOptions<unknown, unknown>["outbox"]): ResolvedLayers["outbox"] {
  if (given === undefined || given === false) return undefined;
  const outbox = readOptions<OutboxOptions<unknown, unknown>>(
    "outbox",
    typeof given === "number" ? { capacity: given } : given,
    ["capacity", "maxBytes", "ttl", "overflow", "perSecond", "keyOf", "idOf", "acknowledges"],
    "false, a number or an object",
  );
  const { idOf, acknowledges } = outbox;
  const overflow = checkOneOf("outbox.overflow", outbox.overflow, ["error", "dropOldest", "conflate"]);
  const resolved = {
    capacity: checkInteger("outbox.capacity", outbox.capacity, 1_000, 1, maxCount),
    maxBytes: checkInteger("outbox.maxBytes", outbox.maxBytes, maxBytes, 1, maxInteger),
    ttl: checkInteger("outbox.ttl", outbox.ttl, undefined, 1, maxInteger),
    overflow,
    perSecond: checkPerSecond(outbox.perSecond),
    keyOf: checkKeyOf("outbox", outbox.keyOf, overflow),
    idOf: checkFunction("outbox.idOf", idOf),
    acknowledges: checkFunction("outbox.acknowledges", acknowledges),
  };
  if (idOf !== undefined && acknowledges === undefined) {
    throw missingOption("outbox.idOf", "outbox.acknowledges", "nothing would ever be acknowledged");
  }
  if (acknowledges !== undefined && idOf === undefined) {
    throw missingOption(
      "outbox.acknowledges",
      "outbox.idOf",
      "no message has an id that could be acknowledged",
    );
  }
  return resolved;
}

function checkPerSecond(perSecond: number | undefined): number | undefined {
  if (perSecond === undefined) return undefined;
  if (typeof perSecond !== "number") throw wrongValue("outbox.perSecond", "a number", perSecond);
  if (perSecond > 0 && perSecond <= maxInteger) return perSecond;
  throw new RangeError(
    `The option "outbox.perSecond" must be a number above 0 and up to ${maxInteger}, not ${perSecond}.`,
  );
}

function checkKeyOf<KeyOf>(scope: string, keyOf: KeyOf, overflow: string): KeyOf {
  checkFunction(`${scope}.keyOf`, keyOf);
  const isConflating = overflow === "conflate";
  if (isConflating && keyOf === undefined) {
    throw missingOption(`${scope}.overflow: "conflate"`, `${scope}.keyOf`, "no message has a key");
  }
  if (!isConflating && keyOf !== undefined) {
    throw missingOption(`${scope}.keyOf`, `${scope}.overflow: "conflate"`, "it would be ignored");
  }
  return keyOf;
}

/** Returns the error for an option that requires another option. */
function missingOption(option: string, other: string, consequence: string): TypeError {
  return new TypeError(`The option ${option} needs ${other}: without it ${consequence}.`);
}

function resolveReplay(given: ReplayOptions<unknown, unknown>): NonNullable<ResolvedLayers["replay"]> {
  const replay = readOptions("replay", given, [
    ...(["sequence", "isNext", "streamOf", "epochOf", "onReplay"] as const),
    ...(["window", "maxWaiting", "maxStreams", "recoveryTimeout", "cursors"] as const),
  ]);
  const { sequence, isNext } = replay;
  if (typeof sequence !== "function") throw wrongValue("replay.sequence", "a function", sequence);
  return {
    sequence,
    isNext: checkFunction("replay.isNext", isNext),
    streamOf: checkFunction("replay.streamOf", replay.streamOf),
    epochOf: checkFunction("replay.epochOf", replay.epochOf),
    onReplay: checkFunction("replay.onReplay", replay.onReplay),
    window: checkInteger("replay.window", replay.window, 1_000, 1, maxCount),
    maxWaiting: checkInteger("replay.maxWaiting", replay.maxWaiting, 10_000, 1, maxCount),
    maxStreams: checkInteger("replay.maxStreams", replay.maxStreams, undefined, 1, maxCount),
    recoveryTimeout: checkInteger("replay.recoveryTimeout", replay.recoveryTimeout, 10_000, 1, maxInteger),
    cursors: replay.cursors === undefined ? undefined : checkCursors(replay.cursors, isNext !== undefined),
  };
}

/** @param hasOrder - Whether `isNext` is set. Without it, sequence ids must be integers. */
function checkCursors(cursors: Cursors, hasOrder: boolean): Cursors {
  const form = "an object of cursors by stream name";
  checkObject("replay.cursors", cursors, form);
  if (Symbol.iterator in cursors) throw wrongValue("replay.cursors", form, cursors);
  const own = Object.entries(cursors).map(([stream, cursor]): [string, Cursor] => {
    const name = `replay.cursors[${JSON.stringify(stream)}]`;
    const copy = ownOptions(checkObject(name, cursor, "a cursor"));
    const { sequence, epoch } = copy;
    const isValid = hasOrder ? isId(sequence) : Number.isSafeInteger(sequence);
    if (!isValid) {
      const expected = hasOrder ? "a finite number or a string" : "a safe integer, unless isNext is set";
      throw wrongValue(`${name}.sequence`, expected, sequence);
    }
    if (epoch !== undefined && !isId(epoch))
      throw wrongValue(`${name}.epoch`, "a finite number or a string", epoch);
    return [stream, copy];
  });
  return Object.fromEntries(own);
}

function isId(value: unknown): boolean {
  return typeof value === "string" || Number.isFinite(value);
}
