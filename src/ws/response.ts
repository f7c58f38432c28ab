/**
 * Objects like the `IncomingMessage` and the `ClientRequest` of Node's HTTP client, for the events `upgrade`,
 * `unexpected-response` and `redirect`. They do not read or write a socket.
 */
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";

/** Name and value of a header field, as received. */
export type HeaderField = readonly [name: string, value: string];

type Headers = Record<string, string | string[]>;

/** Header fields of which Node keeps only the first. */
const single = new Set(
  (
    "age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since " +
    "last-modified location max-forwards proxy-authorization referer retry-after server user-agent"
  ).split(" "),
);

function joined(fields: readonly HeaderField[]): Headers {
  const headers: Headers = {};
  for (const [given, value] of fields) {
    const name = given.toLowerCase();
    const present = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (name === "set-cookie") headers[name] = typeof present === "object" ? [...present, value] : [value];
    else if (present === undefined) headers[name] = value;
    else if (!single.has(name))
      headers[name] = `${String(present)}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}

/** A response, with the properties of Node's `IncomingMessage`. Its body can be read as a stream. */
export class Response extends Readable {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly httpVersion: string = "1.1";
  readonly headers: Headers;
  readonly rawHeaders: readonly string[];
  readonly complete: boolean = true;
  readonly aborted: boolean = false;

  constructor(statusCode: number, statusMessage: string, fields: readonly HeaderField[], body: Uint8Array) {
    super({ read: () => undefined });
    this.statusCode = statusCode;
    this.statusMessage = statusMessage;
    this.headers = joined(fields);
    this.rawHeaders = fields.flat();
    if (body.length > 0) this.push(body);
    this.push(null);
  }
}

/** Reads the head of a response with the status 101. */
export function readHead(head: string): Response {
  const [start = "", ...lines] = head.split("\r\n");
  const [, status = "101", message = ""] = /^\S+ (\d+) ?(.*)$/.exec(start) ?? [];
  const fields = lines.map((line): HeaderField => {
    const end = line.indexOf(":");
    return [line.slice(0, end), line.slice(end + 1).trim()];
  });
  return new Response(Number(status), message, fields, new Uint8Array(0));
}

/** The value of a header field of a request. */
export type FieldValue = string | readonly string[];

/** A request whose header fields may change until it is sent, with methods of Node's `ClientRequest`. */
export class Request extends EventEmitter {
  readonly method: string = "GET";
  readonly host: string;
  readonly path: string;
  readonly #fields: Map<string, readonly [name: string, value: FieldValue]>;
  readonly #onAbort: (error: Error) => void;
  aborted: boolean = false;
  destroyed: boolean = false;

  /** @param onAbort - Called once if the request is aborted or destroyed. */
  constructor(
    url: URL,
    fields: Map<string, readonly [name: string, value: FieldValue]>,
    onAbort: (error: Error) => void,
  ) {
    super();
    this.host = url.hostname;
    this.path = url.pathname + url.search;
    this.#fields = fields;
    this.#onAbort = onAbort;
  }

  getHeader(name: string): FieldValue | undefined {
    return this.#fields.get(name.toLowerCase())?.[1];
  }

  hasHeader(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  getHeaderNames(): string[] {
    return [...this.#fields.keys()];
  }

  getHeaders(): Record<string, FieldValue> {
    return Object.fromEntries([...this.#fields].map(([name, [, value]]) => [name, value]));
  }

  setHeader(name: string, value: FieldValue | number): this {
    this.#fields.set(name.toLowerCase(), [name, typeof value === "number" ? String(value) : value]);
    return this;
  }

  removeHeader(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  /** Has no effect: the request is sent when the listener has returned, or was sent before. */
  end(): this {
    return this;
  }

  abort(): void {
    this.aborted = true;
    this.destroy();
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#onAbort(error ?? Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
    return this;
  }
}
