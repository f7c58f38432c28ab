/** Types that describe how TLS protects a connection. It does not contain the code that reads them from a socket. */
/** The parts of a distinguished name by their type, such as `CN` and `O`. A repeated part is an array. */
export type DistinguishedName = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The certificate of a server. */
export interface ServerCertificate {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** The first and the last second of the validity, in the format of Node: `Nov 30 05:51:52 2026 GMT`. */
  readonly validFrom: string;
  readonly validTo: string;
  /** SHA-256 of the certificate, in hexadecimal digits with colons. */
  readonly fingerprint256: string;
}

/** How TLS protects a connection. The object is frozen, and connections may share it. */
export interface TlsDetails {
  /** The version of TLS, such as `TLSv1.3`. */
  readonly protocol: string;
  /** The name of the cipher suite in the IANA registry, such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The protocol that the server selected by ALPN; `undefined` if it selected none. */
  readonly alpn: string | undefined;
  /**
   * True if a session of an earlier connection was resumed. The server then proves its identity by that session, and
   * `certificate` is the certificate of the earlier connection.
   */
  readonly isResumed: boolean;
  /** False if the certificate was refused, or was accepted only because of `rejectUnauthorized: false`. */
  readonly isAuthorized: boolean;
  readonly certificate: ServerCertificate | undefined;
}
