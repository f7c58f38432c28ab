// Parses the first line of an HTTP/1.1 request or response.

/** The first line of a response (RFC 9112 4). */
export interface StatusLine {
  /** The last digit of the version: 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: number;
  readonly statusCode: number;
}

/**
 * Parses the first line of a response. Many servers that send no reason phrase also omit the space after the status
 * code. A missing space is therefore accepted.
 */
export function parseStatusLine(line: string): StatusLine | undefined {
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(line);
  if (match === null) return undefined;
  return { minorVersion: Number(match[1]), statusCode: Number(match[2]) };
}

/** The first line of a request (RFC 9112 3). */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** The version without `HTTP/`, for example `1.1`. */
  readonly version: string;
}

/**
 * Returns `undefined` if `line` is not a request line. All versions of HTTP are accepted: the caller checks the
 * version.
 */
export function parseRequestLine(line: string): RequestLine | undefined {
  const [, method, target, version] =
    /^([!#$%&'*+\-.^_`|~\dA-Za-z]+) ([!-~]+) HTTP\/(\d\.\d)$/.exec(line) ?? [];
  if (method === undefined || target === undefined || version === undefined) return undefined;
  return { method, target, version };
}
