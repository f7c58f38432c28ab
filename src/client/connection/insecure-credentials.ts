/**
 * Applies the option `insecureCredentials`: warns of credentials that are sent without encryption, or refuses to send
 * them. It does not know which values are credentials.
 */
import { JetSocketError } from "../../errors.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { ProxiedRequest } from "./request.js";
import { hasCredentials, type SentValues } from "../../redaction/sent-secrets.js";

/** Most hosts that are remembered. After this number of warnings, the process gets no other. */
const maxHosts = 1_000;

/** The hosts of which the process was warned. */
const warnedHosts = new Set<string>();

/**
 * @throws JetSocketError with the code `INSECURE_CREDENTIALS` if the option is `"forbid"` and the request contains
 *   credentials that another machine could read.
 */
export function checkCredentials(
  sent: SentValues & Partial<Pick<ProxiedRequest, "proxy">>,
  { insecureCredentials, socketPath }: Pick<ResolvedOptions, "insecureCredentials" | "socketPath">,
): void {
  const { uri, proxy } = sent;
  if (uri.isSecure || insecureCredentials === "allow" || socketPath !== undefined) return;
  // A proxy on another machine receives them, whatever the name of the target.
  const isLocal =
    isLoopback(uri) && (proxy === undefined || proxy.uri.kind === "https" || isLoopback(proxy.uri));
  if (isLocal || !hasCredentials(sent)) return;
  const { host, hostHeader } = uri;
  const isForbidden = insecureCredentials === "forbid";
  if (!isForbidden && (warnedHosts.has(host) || warnedHosts.size >= maxHosts)) return;
  const advice = isForbidden
    ? ""
    : ` Use wss:, or set the option insecureCredentials to "forbid" or "allow".`;
  const message = `Credentials for ${hostHeader} are sent without encryption over ws:.${advice}`;
  const error = new JetSocketError(message, { code: "INSECURE_CREDENTIALS" });
  if (isForbidden) throw error;
  warnedHosts.add(host);
  process.emitWarning(error);
}

/** RFC 6761 6.3: names that end in `localhost` are those of this machine. The URL standard writes addresses in one form. */
function isLoopback({ host }: { readonly host: string }): boolean {
  return /(^|\.)localhost\.?$|^127\.[\d.]+$|^::1$|^::ffff:7f..:/.test(host);
}
