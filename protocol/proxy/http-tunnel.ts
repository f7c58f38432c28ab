// Opens a tunnel by HTTP CONNECT (RFC 9110 9.3.6). It does not connect to the proxy.
import type { HeaderField } from "../errors.js";
import { checkUserFields } from "../handshake/user-fields.js";
import { fieldValues } from "../http/header-fields.js";
import { HeadParser } from "../http/head-parser.js";
import { writeHead } from "../http/head-writer.js";
import { parseStatusLine, type StatusLine } from "../http/start-line.js";
import { statusText } from "../http/status-text.js";
import { basicCredentials, withBrackets } from "../uri.js";
import type { ProxyUri } from "./proxy-uri.js";
import {
  opened,
  rejected,
  type TunnelHandshake,
  type TunnelStep,
  type TunnelTarget,
} from "./tunnel-handshake.js";

/** Most interim responses (1xx) before the final one. */
const maxInterimResponses = 8;

/** The handshake with an HTTP proxy. */
export class HttpTunnel implements TunnelHandshake {
  readonly request: Buffer;
  #parser: HeadParser<StatusLine> = new HeadParser(parseStatusLine);
  #interimResponses = 0;

  /**
   * @param headers - Added to the request, such as `User-Agent`. `Host` and `Proxy-Authorization` replace the own ones.
   * @throws TypeError for an invalid header field.
   */
  constructor(target: TunnelTarget, { credentials }: ProxyUri, headers: readonly HeaderField[] = []) {
    checkUserFields(headers);
    const authority = `${withBrackets(target.host)}:${target.port}`;
    const isGiven = (name: string): boolean => fieldValues(headers, name).length > 0;
    const fields: HeaderField[] = isGiven("host") ? [] : [["Host", authority]];
    if (credentials !== undefined && !isGiven("proxy-authorization")) {
      fields.push(["Proxy-Authorization", basicCredentials(credentials.user, credentials.password)]);
    }
    this.request = writeHead(`CONNECT ${authority} HTTP/1.1`, [...fields, ...headers]);
  }

  receive(bytes: Uint8Array): TunnelStep | undefined {
    let position = 0;
    for (;;) {
      const head = this.#parser.receive(bytes, position, bytes.length);
      if (head === undefined) return undefined;
      if (head.kind !== "head") return malformed(head.reason);
      position = head.consumed;
      const { statusCode } = head.startLine;
      // RFC 9110 9.3.6: any 2xx opens the tunnel, and a length in its header is ignored.
      if (statusCode >= 200 && statusCode < 300) return opened(bytes.length - position);
      if (statusCode >= 200) return refused(statusCode, head.headers);
      if (++this.#interimResponses > maxInterimResponses)
        return malformed("it has more than 8 interim responses");
      this.#parser = new HeadParser(parseStatusLine);
    }
  }
}

function malformed(reason: string): TunnelStep {
  return rejected("PROXY_MALFORMED", `The answer of the proxy is not valid: ${reason}.`);
}

function refused(statusCode: number, headers: readonly HeaderField[]): TunnelStep {
  const status = `${statusCode} ${statusText(statusCode)}`.trimEnd();
  // The request for a tunnel ends at the proxy, so a 401 is about the proxy too.
  const code = statusCode === 407 || statusCode === 401 ? "PROXY_AUTHENTICATION" : "PROXY_REFUSED";
  return rejected(code, `The proxy answered ${status} to CONNECT.`, { statusCode, headers });
}
