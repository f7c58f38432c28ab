/**
 * Hides secrets in errors of the application and of Node. It copies such an error, because the error itself belongs to
 * the application and may be frozen. It does not know which texts are secret.
 */
import {
  displayField,
  type FieldRule,
  mask,
  type MaskedFields,
  maskFields,
  ownOptions,
} from "../../protocol/index.js";
import { nodeUtil } from "../runtime/node-modules.js";

type Hide = (text: string) => string;

/** Most errors in a chain of causes that are examined. The causes that follow are not shown. */
const maxDepth = 16;
/** Most properties of an object that is shown. */
const maxKeys = 16;
/** The names and codes of errors. Programs compare them. */
const identifier = /^[a-z]\w{0,47}$/i;
const outputMethods = ["toJSON", Symbol.for("nodejs.util.inspect.custom")] as const;

/**
 * Returns the value itself if it shows no secret, and otherwise a copy with the same prototype, in which secrets are
 * hidden. `unmasked(copy)` returns the value. A property of an error that holds an object, such as a request or a
 * response, can be read from the copy, but it is neither printed nor converted to JSON.
 */
export function redactError(thrown: unknown, hide: Hide, rule: FieldRule = displayField): unknown {
  return new Redaction(hide, rule).of(thrown, 0);
}

class Redaction {
  readonly #hide: Hide;
  readonly #rule: FieldRule;
  /** The results so far. An error may be its own cause. */
  readonly #known = new Map<unknown, unknown>();

  constructor(hide: Hide, rule: FieldRule) {
    this.#hide = hide;
    this.#rule = rule;
  }

  of(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.#hide(value);
    if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
    if (Object.hasOwn(value, "unmasked")) return value;
    if (this.#known.has(value)) return this.#known.get(value);
    if (depth > maxDepth) return undefined;
    this.#known.set(value, undefined);
    let result: unknown;
    try {
      result = isError(value) ? this.#error(value, depth) : this.#object(value, depth);
    } catch {
      // A getter or a trap of a proxy has thrown.
      result = mask({}, value);
    }
    this.#known.set(value, result);
    return result;
  }

  #error(error: Error, depth: number): Error {
    const shown = new Map<PropertyKey, PropertyDescriptor>();
    let isChanged = hasOwnOutput(error);
    for (const key of new Set([...Reflect.ownKeys(error), "message", "name", "code"])) {
      if (key === "stack" || outputMethods.some((method) => method === key)) continue;
      const value: unknown = Reflect.get(error, key);
      const property = this.#property(key, value, depth);
      const descriptor = Object.getOwnPropertyDescriptor(error, key);
      if (descriptor === undefined && value === undefined) continue;
      isChanged ||= property.get !== undefined || property.value !== value;
      shown.set(key, { enumerable: descriptor?.enumerable === true, ...property });
    }
    const stack = this.#stack(error);
    if (!isChanged && stack === error.stack) return error;
    return mask(copyOf(error, shown, stack), error);
  }

  #property(key: PropertyKey, value: unknown, depth: number): PropertyDescriptor {
    const isName = (key === "name" || key === "code") && identifier.test(String(value));
    if (key === "headers" && Array.isArray(value) && Object.hasOwn(value, "unmasked"))
      return { value: this.#fields(value as unknown as MaskedFields) };
    if (isName || key === "report" || isPublic(key, value)) return { value };
    if (key === "errors" && Array.isArray(value)) return { value: this.#list(value, depth) };
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    if (!isObject || key === "cause" || isError(value)) return { value: this.of(value, depth + 1) };
    return { get: () => value, enumerable: false };
  }

  /** Returns the array itself if it has no secrets. */
  #list(values: readonly unknown[], depth: number): readonly unknown[] {
    const shown = values.map((value) => this.of(value, depth + 1));
    return shown.every((value, index) => value === values[index]) ? values : shown;
  }

  /** Header fields of a response were masked by the default rule. Returns the fields themselves if nothing changes. */
  #fields(fields: MaskedFields): MaskedFields {
    const shown = maskFields(fields, this.#rule);
    return shown.every(([, value], index) => value === fields[index]![1]) ? fields : shown;
  }

  /** The lines of the calls are not examined: the path of a source file may look random. */
  #stack(error: Error): string {
    const { stack, message } = error;
    if (typeof stack !== "string") return "";
    const end = stack.includes(message) ? stack.indexOf(message) + message.length : 0;
    const calls = stack.indexOf("\n    at ", end);
    const head = calls === -1 ? stack : stack.slice(0, calls);
    return this.#hide(head) + stack.slice(head.length);
  }

  /** A thrown object that is no error is shown only if it is small and has no secret. */
  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#list(value, depth);
    const entries = Reflect.ownKeys(value).map((key) => Object.getOwnPropertyDescriptor(value, key)!);
    const isPlain = Object.getPrototypeOf(value) === Object.prototype && entries.length <= maxKeys;
    const isSafe = entries.every((entry) => {
      const { value: inner } = entry as { readonly value?: unknown };
      return "value" in entry && typeof inner !== "object" && this.of(inner, depth) === inner;
    });
    return isPlain && isSafe ? value : mask({}, value);
  }
}

/** The copy has the prototype of the error, but not its methods for output: these may read private fields. */
function copyOf(
  error: Error,
  properties: ReadonlyMap<PropertyKey, PropertyDescriptor>,
  stack: string,
): Error {
  const copy = Object.setPrototypeOf(new Error(), Object.getPrototypeOf(error) as object) as Error;
  for (const key of outputMethods) Object.defineProperty(copy, key, ownOptions({ value: undefined }));
  for (const [key, property] of properties)
    Object.defineProperty(copy, key, ownOptions({ ...property, configurable: true }));
  return Object.defineProperty(
    copy,
    "stack",
    ownOptions({ value: stack, configurable: true, writable: true }),
  );
}

function hasOwnOutput(error: Error): boolean {
  return (
    !(error instanceof DOMException) && outputMethods.some((key) => Reflect.get(error, key) !== undefined)
  );
}

/** The certificate of the server is public, and Node adds it to an error. */
function isPublic(key: PropertyKey, value: unknown): boolean {
  return key === "cert" || (typeof value === "object" && value !== null && Object.hasOwn(value, "unmasked"));
}

function isError(value: unknown): value is Error {
  return value instanceof Error || nodeUtil().types.isNativeError(value);
}
