/** Chooses the advice for a failed attempt from its verdict and its error. It does not choose the verdict. */
import type { Verdict } from "../../events/close-report.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { advices, codeOf } from "./verdict.js";

type Advice = readonly [codes: RegExp, advice: string];

const notPermitted: Advice = [
  /^(EACCES|EPERM|ERR_ACCESS_DENIED)$/,
  "This process is not permitted to open the connection; check its permissions, its sandbox and the firewall. " +
    "If Node's permission model is enabled, start Node with --allow-net.",
];

/**
 * The advice for error codes. The most specific codes are first: Node may try several addresses, each may fail with
 * another code, and the first entry that matches one of the codes is used.
 */
const byCode: Partial<Record<Verdict, readonly Advice[]>> = {
  "name-not-found": [
    notPermitted,
    [/^EAI_AGAIN$/, "The DNS server did not answer; check the network and the DNS settings of this machine."],
  ],
  refused: [
    notPermitted,
    [/^ECONNREFUSED$/, advices.refused],
    [
      /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)$/,
      "No route leads to that address; check the host of the URL, the network of this machine and the firewall.",
    ],
    [/^ETIMEDOUT$/, "Nothing answered at that address; check the host, the port and the firewall."],
    [
      /^EADDRNOTAVAIL$/,
      "The local address is not available; check localAddress and the number of open connections.",
    ],
    [
      /^(ENOENT|ENOTSOCK)$/,
      "There is no socket at that path; check socketPath and that the server is running.",
    ],
    [/^(EMFILE|ENFILE)$/, "Too many files and sockets are open; close some of them, or raise the limit."],
  ],
  proxy: [
    [
      /^PROXY_AUTHENTICATION$/,
      "Set the user name and the password of the proxy in the url of the option proxy.",
    ],
    [
      /^PROXY_REFUSED$/,
      "The proxy opens no tunnel to that host and port; check the url, and the rules of the proxy.",
    ],
    [
      /^PROXY_UNREACHABLE$/,
      "The proxy does not answer; check its host and port in the option proxy, and the firewall.",
    ],
    [/^PROXY_/, "The answer is not that of such a proxy; check scheme, host and port in the option proxy."],
  ],
  "setup-failed": [
    [
      /^INSECURE_CREDENTIALS$/,
      'Use a URL with the scheme wss:, or set insecureCredentials to "warn" or "allow".',
    ],
  ],
  tls: [
    [
      /ALERT.*CERT|CERT.*ALERT/,
      "The server requires a client certificate, or rejected it; set one that it accepts in tls.cert and tls.key.",
    ],
    [
      /ALTNAME|^HOSTNAME_MISMATCH$/,
      "The server's certificate is for another name; check the host of the URL, or set that name in tls.servername.",
    ],
    [
      /SELF_SIGNED|^UNABLE_TO_/,
      "The server's certificate was issued by an untrusted authority; set the certificate of that authority in tls.ca.",
    ],
  ],
};

/** Returns one or two sentences that say what to do about a failed attempt. */
export function attemptAdvice(verdict: Verdict, error: Error | undefined): string {
  const fault = verdict === "tls" ? tlsFaultOf(error) : undefined;
  if (fault?.kind === "options") {
    return `Correct the option ${fault.options}: Node cannot use its value, so another attempt fails too.`;
  }
  if (fault?.kind === "identity") {
    return `${fault.options} refuses the server; check the host of the URL and what the function expects.`;
  }
  const codes = codesOf(error);
  const [, advice] = byCode[verdict]?.find(([pattern]) => codes.some((code) => pattern.test(code))) ?? [];
  return advice ?? advices[verdict];
}

/** Returns the code of an error and, if Node tried several addresses, the codes of the errors of all addresses. */
function codesOf(error: Error | undefined): readonly string[] {
  const { errors } = (error ?? {}) as { readonly errors?: unknown };
  const inner: readonly unknown[] = Array.isArray(errors) ? errors : [];
  return [error, ...inner].map(codeOf).filter((code) => code !== undefined);
}
