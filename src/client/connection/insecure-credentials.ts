/**
 * Applies the option `insecureCredentials`: warns of credentials that are sent without encryption, or refuses to send
 * them. It does not know which values are credentials.
 */
import type { WebSocketUri } from "../../../protocol/index.js";
import { JetSocketError } from "../../errors.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
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
  sent: SentValues,
  { insecureCredentials, socketPath }: Pick<ResolvedOptions, "insecureCredentials" | "socketPath">,
): void {
  const { uri } = sent;
  if (uri.isSecure || insecureCredentials === "allow" || socketPath !== undefined) return;
  if (isLoopback(uri) || !hasCredentials(sent)) return;
  const { host, hostHeader: shown } = uri;
  if (insecureCredentials === "forbid") {
    const message = `Credentials for ${shown} would be sent without encryption, because the url has the scheme ws:.`;
    throw new JetSocketError(message, { code: "INSECURE_CREDENTIALS" });
  }
  if (warnedHosts.has(host) || warnedHosts.size >= maxHosts) return;
  warnedHosts.add(host);
  const message =
    `Credentials are sent to ${shown} without encryption, because the url has the scheme ws:. Use wss:. ` +
    `The option insecureCredentials turns this warning into an error ("forbid"), or off ("allow").`;
  process.emitWarning(new JetSocketError(message, { code: "INSECURE_CREDENTIALS" }));
}

/** RFC 6761 6.3: names that end in `localhost` are those of this machine. */
function isLoopback({ host }: WebSocketUri): boolean {
  return /^(?:.+\.)?localhost\.?$|^127\.\d+\.\d+\.\d+$|^::1$|^::ffff:7f[\da-f]{2}:[\da-f]{1,4}$/.test(host);
}
