/**
 * Hides secrets in errors of the application and of Node. It copies such an error, because the error itself belongs to
 * the application and may be frozen. It does not know which texts are secret.
 */
import {
  displayField,
  type FieldRule,
  mask,
  type HeaderField,
  maskFields,
  outputMethods,
  ownOptions,
} from "../../protocol/index.js";
import { nodeUtil } from "../runtime/node-modules.js";

/** Most errors in a chain of causes that are examined. The causes that follow are not shown. */
const maxDepth = 16;
/** The names and codes of errors. Programs compare them. */
const identifier = /^[a-z]\w{0,47}$/i;

/**
 * Returns the value itself if it shows no secret, and otherwise a copy with the same prototype, in which secrets are
 * hidden. `unmasked(copy)` returns the value. A property of an error that holds an object, such as a request or a
 * response, can be read from the copy, but it is neither printed nor converted to JSON.
 */
export function redactError(
  thrown: unknown,
  hide: (text: string) => string,
  rule: FieldRule = displayField,
): unknown {
  /** The results so far. An error may be its own cause. */
  const known = new Map<unknown, unknown>();

  function show(value: unknown, depth: number): unknown {
    if (typeof value === "string") return hide(value);
    if (typeof value !== "object" || value === null) return value;
    if (known.has(value) || depth > maxDepth) return known.get(value);
    known.set(value, undefined);
    let shown: unknown;
    try {
      if (isError(value)) shown = showError(value, depth + 1);
      else if (Array.isArray(value)) shown = showArray(value, depth + 1);
      // Its parts are not examined: it may be large, and may print more than its properties.
      else shown = mask({}, value);
    } catch {
      // A getter or a trap of a proxy has thrown.
      shown = mask<object>(new Error("***"), value);
    }
    known.set(value, shown);
    return shown;
  }

  function showArray(values: readonly unknown[], depth: number): readonly unknown[] {
    const shown = values.map((value) => show(value, depth));
    return shown.every((value, index) => value === values[index]) ? values : shown;
  }

  function showError(error: Error, depth: number): Error {
    const copy = new Error();
    const changes: PropertyKey[] = [];
    const define = (key: PropertyKey, property: PropertyDescriptor, before: unknown): void => {
      if (property.value !== before) changes.push(key);
      Object.defineProperty(copy, key, ownOptions({ ...property, configurable: true }));
    };
    for (const key of new Set([...Reflect.ownKeys(error), "message", "name", "code", ...outputMethods])) {
      const value: unknown = Reflect.get(error, key);
      if (key === "stack" || value === undefined) continue;
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      const isObject = typeof value === "object" ? value !== null : typeof value === "function";
      // These methods of a class may print its private fields. The copy has none of them.
      if (outputMethods.includes(key)) define(key, {}, error instanceof DOMException ? undefined : value);
      else if (isPublic(key, value)) define(key, { value: maskedAgain(value, rule), enumerable }, value);
      else if (!isObject || /^(?:cause|errors)$/.test(String(key)) || isError(value))
        define(key, { value: show(value, depth), enumerable }, value);
      // The getter keeps the object out of everything that prints.
      else define(key, { get: () => value }, value);
    }
    define("stack", { value: stackOf(error, hide), writable: true }, error.stack);
    return changes.length > 0
      ? mask(Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object) as Error, error)
      : error;
  }

  return show(thrown, 0);
}

/** The lines of the calls are not examined: the path of a source file may look random. */
function stackOf({ stack, message }: Error, hide: (text: string) => string): string | undefined {
  if (typeof stack !== "string") return undefined;
  const calls = stack.indexOf("\n    at ", stack.indexOf(message) + message.length);
  return calls === -1 ? hide(stack) : hide(stack.slice(0, calls)) + stack.slice(calls);
}

/** Names, certificates of servers, and everything in which secrets are hidden already. */
function isPublic(key: PropertyKey, value: unknown): boolean {
  if (typeof value === "object" && value !== null) return key === "cert" || isMasked(value);
  return (key === "name" || key === "code") && identifier.test(String(value));
}

/** Header fields of a response were masked by the default rule. Returns the fields themselves if nothing changes. */
function maskedAgain(value: unknown, rule: FieldRule): unknown {
  if (!Array.isArray(value) || !isMasked(value)) return value;
  const shown = maskFields(value as readonly HeaderField[], rule);
  return String(shown) === String(value) ? value : shown;
}

function isMasked(value: object): boolean {
  return Object.hasOwn(value, "unmasked");
}

function isError(value: unknown): value is Error {
  return value instanceof Error || nodeUtil().types.isNativeError(value);
}
