// Hides secrets in header fields and bodies of received responses, and keeps the received values for an explicit call.
// It does not decide which responses are reported.
import { ownOptions } from "../own-options.js";
import { displayUrl } from "./display-url.js";
import { redactText } from "./redact-text.js";
import { isSecretName } from "./secret-name.js";
import { displaySubprotocol } from "./subprotocol.js";

/** Name and value of a header field, spelled as on the wire. */
export type HeaderField = readonly [name: string, value: string];

/** A value in which secrets are hidden. */
export interface Masked<Value> {
  /** Returns the value as it was received. It may contain secrets, so do not log it. */
  unmasked(): Value;
}

/** Header fields in which the values of secret fields are hidden. `unmasked()` returns the received fields. */
export type MaskedFields = readonly HeaderField[] & Masked<readonly HeaderField[]>;

/**
 * The bytes of a body. `toString()` and the bytes are those that were received. Inspecting the body and converting it
 * to JSON show only its size.
 */
export type MaskedBody = Buffer & Masked<Buffer>;

/** Returns the text that is shown for the value of a header field. */
export type FieldRule = (value: string, name: string) => string;

/** Random values in these fields identify a request or a resource. Operators need them. */
const publicField = /^(?:sec-websocket-accept|etag|cf-ray|date|(?:x-)?(?:request|correlation|trace)-id)$/;

/** The rule that applies unless the application has a rule of its own. */
export const displayField: FieldRule = (value, name) => {
  const field = name.toLowerCase();
  if (publicField.test(field)) return value;
  // The scheme of a challenge says which credentials the server requires (RFC 9110 11.6.1).
  if (field.endsWith("-authenticate") && /^(?:basic|bearer|digest|negotiate|ntlm)$/i.test(value))
    return value;
  if (field.startsWith("proxy-") || isSecretName(name)) return "***";
  if (field === "location" || field === "content-location") return displayUrl(value);
  if (field === "sec-websocket-protocol") return value.replace(/[^,\s]+/g, displaySubprotocol);
  return redactText(value);
};

/**
 * Returns frozen fields with hidden secrets.
 *
 * @param rule - Default: {@link displayField}. Fields that are masked already are masked again only with another rule.
 */
export function maskFields(fields: readonly HeaderField[], rule?: FieldRule): MaskedFields {
  const isMasked = Object.hasOwn(fields, "unmasked");
  if (isMasked && rule === undefined) return fields as MaskedFields;
  const show = rule ?? displayField;
  const received = Object.freeze(unmasked(fields).map((field) => Object.freeze([...field] as const)));
  const shown = received.map(([name, value]) => Object.freeze([name, show(value, name)] as const));
  return Object.freeze(mask<readonly HeaderField[]>(shown, received));
}

/** The methods that convert an object to text. */
export const outputMethods: readonly PropertyKey[] = ["toJSON", Symbol.for("nodejs.util.inspect.custom")];

/** Returns a view of the same bytes that is hidden when it is inspected or converted to JSON. */
export function maskBody(bytes: Uint8Array): MaskedBody {
  const received = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const describe = (): string => `<body of ${bytes.length} bytes>`;
  for (const name of outputMethods) Object.defineProperty(shown, name, ownOptions({ value: describe }));
  return mask(shown, received);
}

/** Adds the method `unmasked()`. The property is not enumerable, so that it is neither printed nor copied. */
export function mask<Value extends object>(shown: Value, original: Value): Value & Masked<Value> {
  const value = (): Value => original;
  return Object.defineProperty(shown, "unmasked", ownOptions({ value })) as Value & Masked<Value>;
}

/**
 * Returns the original of a value in which secrets are hidden: of header fields, bodies, reports and the causes of
 * errors. Other values are returned as they are. The result may contain secrets, so do not log it.
 */
export function unmasked<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "unmasked")) return value;
  const { unmasked: original } = value as { readonly unmasked?: unknown };
  return typeof original === "function" ? (original as () => Value)() : value;
}
