/**
 * Suggests an option for an unknown option name: the counterpart of an option of another library, or the most similar
 * name. This module does not decide which names are valid.
 */
import { counterpartOf, type Counterparts, nearestName } from "../events/nearest-name.js";

/**
 * For each option of this library (the key), the names that other libraries use for the same option (the value). A key
 * that ends with a period is a sentence. It tells why this library does not have such an option.
 */
const counterparts: Counterparts = {
  compress: "permessagedeflate compression extensions",
  "compress.noContextTakeover": "clientnocontexttakeover",
  "compress.windowBits": "clientmaxwindowbits",
  "compress.serverWindowBits": "servermaxwindowbits",
  "compress.level": "zlibdeflateoptions",
  compressionThreshold: "threshold",
  subprotocols: "protocol protocols",
  connectTimeout: "handshaketimeout connectiontimeout opentimeout timeout",
  createConnection: "agent dispatcher",
  maxMessageSize: "maxpayload maxpayloadlength maxreceivedmessagesize maxsize",
  maxFrameSize: "maxreceivedframesize",
  "tls, which contains the options of tls.connect":
    "rejectunauthorized ca cert key pfx passphrase servername ciphers checkserveridentity minversion ssl",
  reconnect: "reconnection",
  shouldReconnect: "shouldretry",
  "backoff.maxAttempts":
    "maxretries retries maxreconnectattempts reconnectattempts reconnectionattempts maxattempts",
  "backoff.base": "reconnectinterval reconnectiondelay minreconnectiondelay retrydelay initialdelay base",
  "backoff.cap": "maxreconnectiondelay maxreconnectinterval reconnectiondelaymax maxdelay cap",
  "backoff.multiplier": "reconnectiondelaygrowfactor reconnectdecay factor multiplier",
  "backoff.jitter": "randomizationfactor jitter",
  "backoff.resetAfter": "minuptime",
  "heartbeat.interval": "pinginterval",
  "heartbeat.timeout": "pingtimeout pongtimeout",
  outbox: "maxenqueuedmessages queue",
  buffer: "maxqueue",
  highWaterMark: "writablehighwatermark writelimit",
  maxBufferedAmount: "maxbackpressure",
  headers: "origin host cookie auth extraheaders additionalheaders",
  schema: "validator validation",
  deserializer: "parser binarytype",
  noDelay: "disablenaglealgorithm",
  "lookup or localAddress": "family",
  followRedirects: "maxredirects",
  onConnection: "onopen onconnect",
  "on(), which adds a listener": "onmessage onclose onerror",
  "the environment variable NODE_DEBUG=jetsocket": "debug",
  "Text is always checked (RFC 6455 8.1).": "skiputf8validation",
  "Spread it into the options: { ...json }.": "json",
  "Spread it into the options: { ...raw }.": "raw",
  "Nothing is opened before connect() or run().": "startclosed automaticopen autoconnect",
};

/**
 * Returns a space and a sentence that suggests an option for an unknown name. Returns an empty string if there is no
 * suggestion.
 *
 * @param scope - `"options"`, or the name of the outer option.
 * @param known - The valid names in this scope.
 */
export function hintFor(scope: string, name: string, known: Iterable<string>): string {
  const prefix = scope === "options" ? "" : `${scope}.`;
  const inner = counterpartOf(name, counterparts, prefix)?.slice(prefix.length);
  const suggestion = inner ?? nearestName(name, known) ?? counterpartOf(name, counterparts);
  if (suggestion === undefined) return "";
  return suggestion.endsWith(".") ? ` ${suggestion}` : ` Use ${suggestion}.`;
}
