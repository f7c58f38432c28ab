import type { Verdict } from "../../events/close-report.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { adviceFor } from "./verdict.js";

type Advice = readonly [codes: RegExp, advice: string];

const notPermitted: Advice = [
  /^(EACCES|EPERM|ERR_ACCESS_DENIED)$/,
  "This process is not permitted to open the connection; check its permissions, its sandbox and the firewall. " +
    "Where Node's permission model is on, start it with --allow-net.",
];

/** What to do about the error codes of the system, the most telling one first: Node tries several addresses, each with a code of its own. */
const byCode: Partial<Record<Verdict, readonly Advice[]>> = {
  "name-not-found": [
    notPermitted,
    [/^EAI_AGAIN$/, "The name service did not answer; check this machine's network and its name service."],
  ],
  refused: [
    notPermitted,
    [/^ECONNREFUSED$/, adviceFor("refused")],
    [
      /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)$/,
      "No route leads to that address; check the host of the url, this machine's network and the firewall.",
    ],
    [/^ETIMEDOUT$/, "Nothing answered at that address; check host, port and firewall."],
    [
      /^EADDRNOTAVAIL$/,
      "The local address cannot be used; check localAddress, and how many connections are open.",
    ],
    [/^(ENOENT|ENOTSOCK)$/, "There is no socket at that path; check socketPath, and that the server runs."],
    [/^(EMFILE|ENFILE)$/, "Too many files and sockets are open; close some, or raise the limit."],
  ],
  tls: [
    [
      /ALERT.*CERT|CERT.*ALERT/,
      "The server asks for a certificate of the client, or refuses it; give one that it accepts in tls.cert and tls.key.",
    ],
    [
      /ALTNAME|^HOSTNAME_MISMATCH$/,
      "The server's certificate is for another name; check the host of the url, or give that name in tls.servername.",
    ],
    [
      /SELF_SIGNED|^UNABLE_TO_/,
      "The server's certificate is of an authority that is not trusted here; give the certificate of that authority in tls.ca.",
    ],
  ],
};

/** One sentence on what to do about an attempt that failed, by its verdict and by what is known of its error. */
export function attemptAdvice(verdict: Verdict, error: Error | undefined): string {
  const fault = verdict === "tls" ? tlsFaultOf(error) : undefined;
  if (fault?.kind === "options") {
    return `Correct the option ${fault.options}: Node cannot use it, and will not at another attempt.`;
  }
  if (fault?.kind === "identity") {
    return `${fault.options} refuses the server; check the host of the url, and what the function expects.`;
  }
  const codes = codesOf(error);
  const [, advice] = byCode[verdict]?.find(([pattern]) => codes.some((code) => pattern.test(code))) ?? [];
  return advice ?? adviceFor(verdict);
}

/** The code of an error, and where Node tried several addresses, those of the single attempts. */
function codesOf(error: Error | undefined): readonly string[] {
  const { code, errors } = (error ?? {}) as { readonly code?: unknown; readonly errors?: unknown };
  const inner: readonly unknown[] = Array.isArray(errors) ? errors : [];
  const codes = [code, ...inner.map((one) => (one as { readonly code?: unknown } | null | undefined)?.code)];
  return codes.filter((one) => typeof one === "string");
}
