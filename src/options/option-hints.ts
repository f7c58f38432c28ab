/**
 * Suggests an option for an unknown option name: the counterpart of an option of another library, or the most similar
 * name. This module does not decide which names are valid.
 */
import { counterpartOf, type Counterparts, nearestName } from "../events/nearest-name.js";

/** For each option of this library (the key), the names that other libraries use for the same option (the value). */
const clientOptions: Counterparts = {
  compress: "permessagedeflate compression deflate extensions",
  compressionThreshold: "threshold",
  subprotocols: "protocol protocols subprotocol websocketprotocols",
  connectTimeout: "handshaketimeout connectiontimeout opentimeout timeout timeoutms",
  closeTimeout: "closingtimeout",
  createConnection: "agent httpagent httpsagent dispatcher socket createsocket stream",
  maxMessageSize: "maxpayload maxreceivedmessagesize maxsize maxpayloadlength",
  maxFrameSize: "maxreceivedframesize",
  "tls, which contains the options of tls.connect":
    "rejectunauthorized ca cert key pfx passphrase servername ciphers checkserveridentity minversion maxversion " +
    "alpnprotocols ssl secureoptions securecontext tlsoptions crl",
  tlsSessions: "maxcachedsessions",
  reconnect: "autoreconnect reconnection retry shouldretry",
  shouldReconnect: "retryif retrywhen",
  retryInitial: "retryoninitial retryfirst",
  "backoff.maxAttempts":
    "maxretries retries maxreconnectattempts reconnectattempts reconnectionattempts maxattempts",
  "backoff.base":
    "reconnectinterval reconnectdelay reconnectiondelay retrydelay minreconnectiondelay initialdelay mindelay base",
  "backoff.cap":
    "maxreconnectiondelay maxreconnectinterval reconnectiondelaymax maxreconnectdelay maxretrydelay maxdelay cap",
  "backoff.multiplier": "reconnectiondelaygrowfactor reconnectdecay backofffactor factor multiplier",
  "backoff.jitter": "randomizationfactor jitter",
  "backoff.resetAfter": "minuptime resetafter",
  "backoff.maxElapsed": "maxelapsed maxelapsedtime",
  heartbeat: "pinginterval heartbeatinterval heartbeatintervalms keepaliveinterval",
  "heartbeat.timeout": "pingtimeout pongtimeout heartbeattimeout",
  "heartbeat.ping": "pingmessage heartbeatmessage",
  outbox: "maxenqueuedmessages sendqueue offlinequeue queue",
  buffer: "maxqueuedmessages maxqueue queuesize maxqueuesize inbox receivebuffer",
  highWaterMark: "writablehighwatermark sendbuffersize",
  maxBufferedAmount: "maxbackpressure backpressurelimit maxsendbuffer",
  "headers, with the field Origin": "origin",
  "headers, with the field Host": "host hostname",
  "headers, with the field Cookie": "cookie cookies",
  "headers, with the field Authorization": "auth authorization token bearer",
  headers: "header httpheaders extraheaders additionalheaders requestoptions",
  schema: "validator validate validation",
  schemaMode: "strict lenient",
  deserializer: "parse parser decode decoder binarytype objectmode",
  serializer: "stringify encode encoder",
  socketPath: "path unixsocket",
  noDelay: "nagle tcpnodelay setnodelay",
  "lookup or localAddress": "family",
  signal: "abortsignal abortcontroller",
  maxConnectionAge: "maxage maxlifetime rotateafter rotationinterval",
  followRedirects: "maxredirects",
  onConnection: "onopen onconnect onconnected setup",
  'on("message", ...)': "onmessage",
  'on("closed", ...)': "onclose",
  'on("error", ...)': "onerror",
  redact: "redactor censor mask sanitize scrub",
  "the environment variable NODE_DEBUG=jetsocket": "debug",
};

/**
 * Options of other libraries that this library does not have. Each value lists names of such options. The key is the
 * sentence that tells the user why these options do not exist.
 */
const withoutOption: Counterparts = {
  "Text is always checked (RFC 6455 8.1).": "skiputf8validation",
  "Spread it into the options: { ...json }.": "json",
  "Spread it into the options: { ...raw }.": "raw",
  "Nothing is opened before connect() or run().": "startclosed automaticopen autoconnect",
};

const ofTheClient = "which is an option of the client";

/** The nested options of each outer option, with their names in other libraries. */
const innerOptions: Readonly<Record<string, Counterparts>> = {
  backoff: {
    base: "initialdelay initial min mindelay delay mintimeout interval",
    cap: "max maxdelay maxtimeout maxinterval",
    multiplier: "factor growfactor exponent growth",
    jitter: "randomize randomizationfactor",
    maxAttempts: "maxretries retries attempts limit",
    maxElapsed: "maxelapsedtime maxretrytime",
    resetAfter: "minuptime reset",
  },
  rotation: {
    [`maxConnectionAge, ${ofTheClient}`]: "interval maxage age every maxconnectionage",
    overlap: "overlapms timeout",
  },
  heartbeat: {
    interval: "pinginterval every ms period",
    timeout: "pingtimeout pongtimeout deadline",
    ping: "message payload pingmessage",
    isPong: "pong pongmessage",
  },
  buffer: {
    capacity: "size max limit length maxmessages maxsize highwatermark",
    maxBytes: "bytes maxbytesize",
    overflow: "policy strategy onfull mode",
    keyOf: "key getkey conflateby",
  },
  outbox: {
    capacity: "size max limit length maxmessages maxsize maxenqueuedmessages",
    maxBytes: "bytes maxbytesize",
    ttl: "maxage expiry expiresafter timeout",
    overflow: "policy strategy onfull mode",
    perSecond: "rate ratelimit throttle",
    keyOf: "key getkey conflateby",
    idOf: "id getid messageid",
    acknowledges: "ack acks isack acknowledge",
  },
  replay: {
    sequence: "seq sequenceof id idof offset",
    streamOf: "stream channel topic",
    epochOf: "epoch",
    onReplay: "replay fetch onresume ongap",
    window: "dedupwindow size",
    cursors: "cursor since lastid from",
    recoveryTimeout: "timeout",
  },
  compress: {
    noContextTakeover: "clientnocontexttakeover",
    windowBits: "clientmaxwindowbits",
    serverWindowBits: "servermaxwindowbits",
    "level and memLevel": "zlibdeflateoptions zlibinflateoptions",
    [`compressionThreshold, ${ofTheClient}`]: "threshold compressionthreshold",
  },
};

/**
 * Returns a space and a sentence that suggests an option for an unknown name. Returns an empty string if there is no
 * suggestion.
 *
 * @param scope - `"options"`, or the name of the outer option.
 * @param known - The valid names in this scope.
 */
export function hintFor(scope: string, name: string, known: Iterable<string>): string {
  const counterparts = scope === "options" ? clientOptions : (innerOptions[scope] ?? {});
  const suggestion = counterpartOf(name, counterparts) ?? nearestName(name, known);
  if (suggestion !== undefined) return ` Use ${suggestion}.`;
  const note = scope === "options" ? counterpartOf(name, withoutOption) : undefined;
  return note === undefined ? "" : ` ${note}`;
}
