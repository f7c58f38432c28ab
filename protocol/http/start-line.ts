// Parses the first line of an HTTP/1.1 request or response.

/** The first line of a response (RFC 9112 4). */
export interface StatusLine {
  /** 0 or 1: the last digit of HTTP/1.x. */
  readonly minorVersion: number;
  readonly statusCode: number;
  readonly reason: string;
}

/** Accepts a missing space after the status code, because many servers omit it if they send no reason phrase. */
export function parseStatusLine(line: string): StatusLine | undefined {
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(line);
  if (match === null) return undefined;
  return { minorVersion: Number(match[1]), statusCode: Number(match[2]), reason: match[3] ?? "" };
}

/** The first line of a request (RFC 9112 3). */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** The part after `HTTP/`, for example `1.1`. */
  readonly version: string;
}

/** Returns `undefined` if the line is not a request line. It accepts all versions of HTTP; the caller checks them. */
export function parseRequestLine(line: string): RequestLine | undefined {
  const [, method, target, version] =
    /^([!#$%&'*+\-.^_`|~\dA-Za-z]+) ([!-~]+) HTTP\/(\d\.\d)$/.exec(line) ?? [];
  if (method === undefined || target === undefined || version === undefined) return undefined;
  return { method, target, version };
}
