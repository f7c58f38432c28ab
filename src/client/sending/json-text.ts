import { nodeUtil } from "../../runtime/node-modules.js";
import { isBlob, tagOf } from "./binary-data.js";

/**
 * The JSON text of a value.
 *
 * @throws TypeError for a value that has no JSON text, and for one of which nothing would be left but `{}` although it holds
 *   something, at any depth: a Map, a Set, a RegExp, an Error, a Promise, a Blob, an ArrayBuffer and the like. What a class keeps
 *   in private fields alone cannot be seen from outside.
 */
export function jsonText(value: unknown): string {
  if (value instanceof Blob) throw refusalOf(value);
  const text: unknown = JSON.stringify(value);
  if (typeof text !== "string") {
    throw new TypeError(
      `A value of type ${typeof value} has no JSON form: send an object, a string or bytes, or give a serializer.`,
    );
  }
  // A replacer makes JSON.stringify several times slower, so it runs only where the text has an object with nothing in it.
  if (text.includes("{}")) JSON.stringify(value, refuseLoss);
  return text;
}

/** A replacer: it is called for the value itself and for each one inside, after their `toJSON`. */
function refuseLoss(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (Object.keys(value).length > 0 || !holdsMore(value)) return value;
  throw refusalOf(value);
}

function refusalOf(value: object): TypeError {
  return new TypeError(`${nameOf(value)} has no JSON form, and would be sent as {}. ${cureFor(value)}`);
}

/** It is more than a plain object or an instance of a class without properties. */
function holdsMore(value: object): boolean {
  const { types } = nodeUtil();
  // JSON.stringify writes these as the primitives that they hold.
  if (types.isNumberObject(value) || types.isStringObject(value) || types.isBooleanObject(value))
    return false;
  if (ArrayBuffer.isView(value)) return value.byteLength > 0;
  if (tagOf(value) !== "[object Object]") return true;
  // These hold their content whatever their tag says.
  if (types.isMap(value) || types.isSet(value) || types.isWeakMap(value) || types.isWeakSet(value))
    return true;
  if (types.isRegExp(value) || types.isPromise(value) || types.isNativeError(value)) return true;
  if (types.isAnyArrayBuffer(value) || isThenable(value)) return true;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

function isThenable(value: object): boolean {
  return "then" in value && typeof value.then === "function";
}

function nameOf(value: object): string {
  const tag = tagOf(value).slice("[object ".length, -1);
  const type =
    tag === "Object"
      ? (Reflect.get(value, "constructor") as { readonly name?: unknown } | undefined)
      : undefined;
  const name = typeof type?.name === "string" && type.name !== "" ? type.name : tag;
  return `${/^[AEIO]/.test(name) ? "An" : "A"} ${name}`;
}

function cureFor(value: object): string {
  const { types } = nodeUtil();
  if (types.isPromise(value) || isThenable(value)) return "Await it first.";
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value))
    return "Send it by itself as a binary message, or encode it, as by Buffer.from(data).toString('base64').";
  if (isBlob(value)) return "Send it by sendRaw().";
  if (types.isNativeError(value)) return "Send its message, or an object of the properties that are wanted.";
  if (types.isRegExp(value)) return "Send its source.";
  if (Symbol.iterator in value)
    return "Send an array or an object of its entries, as by [...entries] or Object.fromEntries(entries).";
  return "Send an object of the properties that are wanted, give the value a toJSON(), or give a serializer.";
}
