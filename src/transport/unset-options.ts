// Protects socket options from a polluted `Object.prototype`. Node copies options into ordinary objects and reads
// missing names through the prototype. Therefore every option that Node knows is set to `undefined`, which Node treats
// as absent.

function unset(names: string): object {
  return Object.freeze(Object.fromEntries(names.split(" ").map((name) => [name, undefined])));
}

/** All options of `net.connect`, with the value `undefined`. The given options replace these values. */
export const unsetSocketOptions: object = unset(
  "host port path lookup localAddress localPort family hints autoSelectFamily autoSelectFamilyAttemptTimeout " +
    "blockList noDelay keepAlive keepAliveInitialDelay timeout signal onread fd handle allowHalfOpen pauseOnCreate manualStart " +
    "readable writable highWaterMark readableHighWaterMark writableHighWaterMark objectMode readableObjectMode writableObjectMode " +
    "encoding defaultEncoding read write writev final construct destroy",
);

/**
 * An object with all options of `tls.connect`, except the options in {@link unsetSocketOptions}. Each value is
 * `undefined`. The options of the user replace these values.
 */
export const unsetTlsOptions: object = unset(
  "secureContext ca cert key pfx passphrase crl sigalgs ecdhCurve dhparam honorCipherOrder minVersion maxVersion " +
    "secureProtocol secureOptions sessionIdContext sessionTimeout ticketKeys clientCertEngine privateKeyEngine privateKeyIdentifier " +
    "allowPartialTrustChain socket session requestOCSP requestCert pskCallback enableTrace servername ALPNProtocols ALPNCallback " +
    "SNICallback rejectUnauthorized isServer server singleUse",
);
