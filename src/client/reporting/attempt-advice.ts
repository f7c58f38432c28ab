/** Chooses the advice for a failed attempt from its verdict and its error. It does not choose the verdict. */
import type { Phase, Verdict } from "../../events/close-report.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { advices, codeOf } from "./verdict.js";

type Advice = readonly [codes: RegExp, advice: string];

const notPermitted: Advice = [
  /^(EACCES|EPERM|ERR_ACCESS_DENIED)$/,
  "This process is not permitted to connect; check its sandbox, the firewall and Node's option --allow-net.",
];

/** One end rejects what the other offers in the handshake, so that another attempt cannot succeed. */
const tlsRefusals: readonly Advice[] = [
  [
    /CERTIFICATE_REQUIRED|NO_CERTIFICATE/,
    "The server requires a client certificate; set tls.cert and tls.key.",
  ],
  [
    /CERTIFICATE_REFUSED|ALERT.*CERT|CERT.*ALERT|UNKNOWN_CA/,
    "The server rejects the client certificate; set another one in tls.cert and tls.key.",
  ],
  [
    /ALTNAME|^HOSTNAME_MISMATCH$|UNRECOGNIZED_NAME/,
    "The server's certificate is for another name; check the host of the URL, or set tls.servername.",
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    "The server's certificate, or one in tls.ca, is not valid now; check the clock, or replace it.",
  ],
  [
    /^DEPTH_ZERO_SELF_SIGNED/,
    "The server's certificate is self-signed; if it is the expected one, set it in tls.ca.",
  ],
  [
    /SELF_SIGNED|^UNABLE_TO_/,
    "The server's certificate is of an untrusted authority; set that authority in tls.ca.",
  ],
  [
    /^CERT_SIGNATURE_FAILURE$/,
    "The authority of the server's certificate has a new key; set its new certificate in tls.ca, before the old one.",
  ],
  [/PURPOSE/, "The server's certificate is not for servers; replace it, or set tls.servername."],
  [/APPLICATION_PROTOCOL/, "The server rejects the protocols; set tls.ALPNProtocols."],
  [/PROTOCOL/, "The server rejects the version of TLS; set tls.minVersion and tls.maxVersion."],
  [
    /HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_CIPHERS/,
    "The server rejects the cipher suites; set tls.ciphers.",
  ],
  // OpenSSL names a few errors of certificates `UNSPECIFIED`.
  [/CERT|CRL_|_CA$|^PATH_LENGTH|^UNSPECIFIED$|KEY_TOO_SMALL/, advices.tls],
];

/**
 * The advice for error codes. Node may try several addresses, and each address may fail with a different code. The
 * first entry that matches one of these codes is used, so the most specific codes are first.
 */
const byCode: Partial<Record<Verdict, readonly Advice[]>> = {
  "name-not-found": [
    notPermitted,
    [/^EAI_AGAIN$/, "The DNS server did not answer; check the network and its DNS settings."],
  ],
  refused: [
    notPermitted,
    [/^ECONNREFUSED$/, advices.refused],
    [
      /^E(HOST|NET)(UNREACH|DOWN)$/,
      "No route leads to that address; check the host, the network and the firewall.",
    ],
    [/^ETIMEDOUT$/, "Nothing answered at that address; check the host, the port and the firewall."],
    [/^EADDRNOTAVAIL$/, "The local address is not free; check localAddress and the number of connections."],
    [/^(ENOENT|ENOTSOCK)$/, "There is no socket at that path; check socketPath and the server."],
    [/^(EMFILE|ENFILE)$/, "Too many files and sockets are open; close some, or raise the limit."],
  ],
  proxy: [
    [/AUTHENTICATION/, "Set the user name and the password in the url of the option proxy."],
    [/REFUSED/, "Check the url, and the rules of the proxy."],
    [/UNREACHABLE/, "Check the host and the port in the option proxy, and the firewall."],
    [/TLS/, "Check the url of the option proxy, and set proxy.tls.ca, or proxy.tls.cert and proxy.tls.key."],
  ],
  "setup-failed": [[/^INSECURE_CREDENTIALS$/, 'Use wss:, or set insecureCredentials to "warn" or "allow".']],
  tls: [
    ...tlsRefusals,
    [/WRONG_VERSION/, "Connect to a ws: URL, or to the port on which the server uses TLS."],
    [
      /^(ECONNRESET|EPIPE)$/,
      "The server ends the TLS handshake; check the port, the firewall and tls.servername.",
    ],
  ],
};

/** True if another attempt cannot succeed, because one end rejects what the other offers in the handshake. */
export function isTlsRefusal(error: Error | undefined): boolean {
  return adviceOf(tlsRefusals, [codeOf(error)]) !== undefined;
}

function adviceOf(table: readonly Advice[] = [], codes: readonly (string | undefined)[]): string | undefined {
  return table.find(([pattern]) => codes.some((code) => code !== undefined && pattern.test(code)))?.[1];
}

/** Returns one or two sentences that say what to do about a failed attempt. */
export function attemptAdvice(verdict: Verdict, error: Error | undefined, phase?: Phase): string {
  if (verdict === "connect-timeout" && phase === "proxy")
    return "The proxy opened no tunnel in time; check the option proxy, or raise connectTimeout.";
  const fault = verdict === "tls" ? tlsFaultOf(error) : undefined;
  if (fault?.kind === "options") {
    return `Correct the option ${fault.options}: Node cannot use its value.`;
  }
  if (fault?.kind === "identity") {
    return `${fault.options} refuses the server; check the function and the host of the URL.`;
  }
  // Node's error for several addresses contains the errors of all addresses.
  const { errors } = (error ?? {}) as { readonly errors?: unknown };
  const all: readonly unknown[] = [error, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  return adviceOf(byCode[verdict], all.map(codeOf)) ?? advices[verdict];
}
