// Makes TLS certificates for test servers without OpenSSL or files. It does not make RSA keys.
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  X509Certificate,
  type KeyObject,
} from "node:crypto";
import { isIPv4 } from "node:net";

/** The key and certificate of a TLS server. `cert` is also the `ca` of a client that must trust it. */
export interface TlsCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface TlsCertificateOptions {
  /** Names and IPv4 addresses in the certificate. Default: `localhost` and `127.0.0.1`. */
  readonly hosts?: readonly string[];
  /** The common name of the subject. With "", the subject is empty. Default: the first of the hosts. */
  readonly subject?: string;
  /** The authority that signs the certificate. Default: the certificate itself. */
  readonly issuer?: TlsCertificate;
  /** The only use of the key (RFC 5280 4.2.1.12). Default: any. A certificate for one use is not an authority. */
  readonly usage?: "server" | "client";
  /** Contains the identifiers of its key and of that of its issuer (RFC 5280 4.2.1.1), as those of companies do. */
  readonly hasKeyIds?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const day = 86_400_000;

/** Makes a certificate with a fresh P-256 key (RFC 5280). Without an issuer it is self-signed, and an authority. */
export function createTlsCertificate(options: TlsCertificateOptions = {}): TlsCertificate {
  const { hosts = ["localhost", "127.0.0.1"], issuer, usage } = options;
  const { notBefore = new Date(Date.now() - day), notAfter = new Date(Date.now() + day) } = options;
  const privateKey = createKey();
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const name = nameOf(options.subject ?? hosts[0] ?? "nobody");
  const issuerName =
    issuer === undefined ? name : nameOf(new X509Certificate(issuer.cert).subject.replace("CN=", ""));
  const serial = createHash("sha256").update(spki).digest().subarray(0, 16);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // A positive number without a leading zero.
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(serial),
    sequence(oid.ecdsaWithSha256),
    issuerName,
    sequence(time(notBefore), time(notAfter)),
    name,
    spki,
    tagged(
      0xa3,
      sequence(
        subjectAltName(hosts),
        usage === undefined ? basicConstraints() : extendedKeyUsage(usage),
        ...(options.hasKeyIds === true ? keyIds(privateKey, issuer?.key ?? privateKey) : []),
      ),
    ),
  );
  const signature = sign("sha256", body, issuer?.key ?? privateKey);
  const certificate = sequence(body, sequence(oid.ecdsaWithSha256), bitString(signature));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: pem(certificate),
  };
}

function nameOf(commonName: string): Buffer {
  return commonName === "" ? sequence() : sequence(set(sequence(oid.commonName, utf8(commonName))));
}

/** Does not use `generateKeyPairSync`: a leak detector sees its request until the garbage collector runs. */
function createKey(): KeyObject {
  const pair = createECDH("prime256v1");
  const point = pair.generateKeys();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
  const d = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()])
    .subarray(-32)
    .toString("base64url");
  return createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: x!, y: y!, d } });
}

function subjectAltName(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIPv4(host) ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host)),
  );
  return sequence(oid.subjectAltName, tagged(0x04, sequence(...names)));
}

function basicConstraints(): Buffer {
  const isAuthority = tagged(0x01, Buffer.of(0xff));
  return sequence(oid.basicConstraints, isAuthority, tagged(0x04, sequence(isAuthority)));
}

function extendedKeyUsage(usage: "server" | "client"): Buffer {
  return sequence(oid.extendedKeyUsage, tagged(0x04, sequence(oid[usage])));
}

function keyIds(own: KeyObject, issuer: KeyObject | string): Buffer[] {
  const [ownId, issuerId] = [own, issuer].map((key) => {
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    return createHash("sha1").update(spki).digest();
  });
  return [
    sequence(oid.subjectKeyIdentifier, tagged(0x04, tagged(0x04, ownId!))),
    sequence(oid.authorityKeyIdentifier, tagged(0x04, sequence(tagged(0x80, issuerId!)))),
  ];
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

const oid = {
  commonName: tagged(0x06, Buffer.of(0x55, 0x04, 0x03)),
  subjectAltName: tagged(0x06, Buffer.of(0x55, 0x1d, 0x11)),
  basicConstraints: tagged(0x06, Buffer.of(0x55, 0x1d, 0x13)),
  subjectKeyIdentifier: tagged(0x06, Buffer.of(0x55, 0x1d, 0x0e)),
  authorityKeyIdentifier: tagged(0x06, Buffer.of(0x55, 0x1d, 0x23)),
  extendedKeyUsage: tagged(0x06, Buffer.of(0x55, 0x1d, 0x25)),
  server: tagged(0x06, Buffer.of(0x2b, 6, 1, 5, 5, 7, 3, 1)),
  client: tagged(0x06, Buffer.of(0x2b, 6, 1, 5, 5, 7, 3, 2)),
  ecdsaWithSha256: tagged(0x06, Buffer.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)),
};

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, ...parts);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.of(0), bytes);
}

function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  // RFC 5280 4.1.2.5: two digits for the year until 2049.
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** One value of ASN.1 in DER: tag, length, contents. */
function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}
