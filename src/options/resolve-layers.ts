/**
 * The checks and defaults of the options that concern more than a single connection. This module does not contain those
 * of the options of a connection itself (`resolve-options.ts`).
 */
import { ownOptions } from "../../protocol/index.js";
import {
  boolean,
  type Check,
  checkFunction,
  checkObject,
  type Checks,
  group,
  integer,
  number,
  oneOf,
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

const checkBuffer = group<ResolvedLayers["buffer"]>(
  {
    capacity: integer(1_000, 1, maxCount),
    maxBytes: integer(maxBytes, 1),
    overflow: oneOf("pause", "dropOldest", "dropNewest", "conflate", "error"),
    keyOf: checkFunction,
  },
  "a number or an object",
  "capacity",
);

const checkHeartbeat = group<NonNullable<ResolvedLayers["heartbeat"]>>(
  {
    interval: integer(30_000, 1),
    timeout: integer(20_000, 1),
    ping: checkFunction,
    isPong: checkFunction,
  },
  "false, a number or an object",
  "interval",
);

const checkOutbox = group<NonNullable<ResolvedLayers["outbox"]>>(
  {
    capacity: integer(1_000, 1, maxCount),
    maxBytes: integer(maxBytes, 1),
    ttl: integer(undefined, 1),
    overflow: oneOf("error", "dropOldest", "conflate"),
    perSecond: number(undefined, 0, maxInteger, "a positive number", (value) => value > 0),
    keyOf: checkFunction,
    idOf: checkFunction,
    acknowledges: checkFunction,
  },
  "false, a number or an object",
  "capacity",
);

const checkReplay = group<NonNullable<ResolvedLayers["replay"]>>({
  sequence: checkRequiredFunction,
  isNext: checkFunction,
  streamOf: checkFunction,
  epochOf: checkFunction,
  onReplay: checkFunction,
  window: integer(1_000, 1, maxCount),
  maxWaiting: integer(10_000, 1, maxCount),
  maxStreams: integer(undefined, 1, maxCount),
  recoveryTimeout: integer(10_000, 1),
  cursors: (_name, cursors) => cursors,
});

/** The checks of the layer options that do not depend on another option. */
export const layerChecks: Checks<Omit<ResolvedLayers, "rotation" | "setupTimeout">> = {
  reconnect: boolean(true),
  retryInitial: boolean(false),
  backoff: group<ResolvedLayers["backoff"]>({
    base: integer(1_000, 1),
    multiplier: number(2, 1, maxInteger),
    cap: integer(minute, 1),
    floor: integer(100, 0),
    jitter: boolean(true),
    maxAttempts: integer(0, 0),
    maxElapsed: integer(undefined, 1),
    resetAfter: integer(minute, 0),
    retryAfterCap: integer(15 * minute, 0),
  }),
  shouldReconnect: checkFunction,
  maxConnectionAge: integer(undefined, 1),
  heartbeat: resolveHeartbeat,
  buffer: (name, given) => withKeyOf(name, checkBuffer(name, given)),
  outbox: resolveOutbox,
  replay: resolveReplay,
  onConnection: checkFunction,
};

/** The check of the option `rotation`. Without replay an overlap would deliver messages twice. */
export const checkRotation: Check<ResolvedLayers["rotation"]> = rotationWith("replace", "overlap");

/** The check of the option `rotation` of a client with the option `replay`. */
export const checkReplayingRotation: Check<ResolvedLayers["rotation"]> = rotationWith("overlap", "replace");

function rotationWith(
  ...modes: ["overlap" | "replace", "overlap" | "replace"]
): Check<ResolvedLayers["rotation"]> {
  return group<ResolvedLayers["rotation"]>({
    mode: oneOf(...modes),
    overlap: integer(5_000, 0),
    jitter: number(0.1, 0, 1),
    maxWaiting: integer(10_000, 1, maxCount),
  });
}

function resolveHeartbeat(
  name: string,
  given: LayerOptions<unknown, unknown>["heartbeat"],
): ResolvedLayers["heartbeat"] {
  if (given === false) return undefined;
  const heartbeat = checkHeartbeat(name, given);
  if (heartbeat.isPong !== undefined && heartbeat.ping === undefined)
    throw missingOption("heartbeat.isPong", "heartbeat.ping");
  return heartbeat;
}

function resolveOutbox(
  name: string,
  given: LayerOptions<unknown, unknown>["outbox"],
): ResolvedLayers["outbox"] {
  if (given === undefined || given === false) return undefined;
  const outbox = withKeyOf(name, checkOutbox(name, given));
  const { idOf, acknowledges } = outbox;
  if (idOf !== undefined && acknowledges === undefined)
    throw missingOption("outbox.idOf", "outbox.acknowledges");
  if (acknowledges !== undefined && idOf === undefined)
    throw missingOption("outbox.acknowledges", "outbox.idOf");
  return outbox;
}

/** @throws TypeError if `keyOf` is set without `overflow: "conflate"`, or the other way round. */
function withKeyOf<Bounds extends { readonly overflow: string; readonly keyOf: unknown }>(
  name: string,
  bounds: Bounds,
): Bounds {
  const [keyOf, conflate] = [`${name}.keyOf`, `${name}.overflow: "conflate"`];
  const isConflating = bounds.overflow === "conflate";
  if (isConflating && bounds.keyOf === undefined) throw missingOption(conflate, keyOf);
  if (!isConflating && bounds.keyOf !== undefined) throw missingOption(keyOf, conflate);
  return bounds;
}

/** Returns the error for an option that requires another option. */
function missingOption(option: string, other: string): TypeError {
  return new TypeError(`The option ${option} requires ${other}.`);
}

function resolveReplay(
  name: string,
  given: LayerOptions<unknown, unknown>["replay"],
): ResolvedLayers["replay"] {
  if (given === undefined) return undefined;
  const replay = checkReplay(name, given);
  const { cursors, isNext } = replay;
  return cursors === undefined ? replay : { ...replay, cursors: checkCursors(cursors, isNext !== undefined) };
}

function checkRequiredFunction<Value>(name: string, value: Value): Value {
  if (typeof value === "function") return value;
  throw wrongValue(name, "a function", value);
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
