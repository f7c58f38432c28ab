// Serializes values as JSON, and rejects values whose content JSON cannot represent. It does not send them.
import { bytesOf, isBlob, tagOf } from "./binary-data.js";

/**
 * Returns the JSON text of a value. JSON would write some objects as `{}` and lose their content, for example a Map, a
 * RegExp, an Error, a Promise, a Blob or an ArrayBuffer. Content in private class fields cannot be detected.
 *
 * @throws TypeError if the value has no JSON text, or if the value or a nested object would lose content.
 */
export function jsonText(value: unknown): string {
  if (value instanceof Blob) throw lossError(value);
  const text: unknown = JSON.stringify(value);
  if (typeof text !== "string") {
    throw new TypeError(
      `A value of type ${typeof value} has no JSON form: send an object, a string or bytes, or set a serializer.`,
    );
  }
  // A replacer makes JSON.stringify several times slower. Therefore JSON.stringify is called with the replacer only if
  // the text contains an empty object.
  if (text.includes("{}")) JSON.stringify(value, rejectLossyValue);
  return text;
}

/**
 * A replacer for JSON.stringify. JSON.stringify calls it with the value and each nested value, after it has called the
 * `toJSON` method of that value.
 */
function rejectLossyValue(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (Object.keys(value).length > 0 || !losesContent(value)) return value;
  throw lossError(value);
}

function lossError(value: object): TypeError {
  return new TypeError(
    `${describeType(value)} has no JSON form, and would be sent as {}. ${adviceFor(value)}`,
  );
}

/** Returns `true` if the value has content that `{}` does not represent. @param value - Has no own enumerable keys. */
function losesContent(value: object): boolean {
  if (ArrayBuffer.isView(value)) return value.byteLength > 0;
  const tag = tagOf(value);
  // JSON.stringify writes a Number, String or Boolean object as its primitive value.
  if (tag !== "[object Object]") return !/ (?:Number|String|Boolean)\]$/.test(tag);
  return isThenable(value) || Symbol.iterator in value || Symbol.asyncIterator in value;
}

function isThenable(value: object): boolean {
  return "then" in value && typeof value.then === "function";
}

function describeType(value: object): string {
  const tag = tagOf(value).slice("[object ".length, -1);
  const type =
    tag === "Object"
      ? (Reflect.get(value, "constructor") as { readonly name?: unknown } | undefined)
      : undefined;
  const name = typeof type?.name === "string" && type.name !== "" ? type.name : tag;
  return `${/^[AEIO]/.test(name) ? "An" : "A"} ${name}`;
}

function adviceFor(value: object): string {
  if (isThenable(value)) return "Await it first.";
  if (isBlob(value)) return "Send it with sendRaw().";
  if (bytesOf(value) !== undefined) return "Send it by itself, as a binary message.";
  if (Symbol.iterator in value) return "Send an array of its entries, or Object.fromEntries(entries).";
  return "Send a plain object, add a toJSON() method, or set a serializer.";
}
