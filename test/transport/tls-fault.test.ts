import { createPrivateKey } from "node:crypto";
import { createSecureContext, type ConnectionOptions } from "node:tls";
import { describe, expect, it } from "vitest";
import {
  checkKeyPair,
  checkTlsOptions,
  markTlsFault,
  refusedTlsOptions,
  tlsFaultOf,
} from "../../src/transport/tls-fault.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

const { cert, key } = createTlsCertificate();
const other = createTlsCertificate();
const encrypted = createPrivateKey(key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" })
  .toString();

describe("the fault of an error", () => {
  it("is the one that was recorded for this error", () => {
    const error = new Error("refused");
    const fault = { kind: "options", options: "tls.key" } as const;
    expect(markTlsFault(error, fault)).toBe(error);
    expect(tlsFaultOf(error)).toBe(fault);
    expect(tlsFaultOf(new Error("refused"))).toBeUndefined();
    expect(tlsFaultOf(undefined)).toBeUndefined();
  });

  it("can be recorded for a frozen error, which does not change", () => {
    const error = Object.freeze(new Error("refused"));
    markTlsFault(error, { kind: "identity", options: "tls.checkServerIdentity" });
    expect(tlsFaultOf(error)?.kind).toBe("identity");
    expect(Object.keys(error)).toEqual([]);
  });

  it("is replaced by a later one", () => {
    const error = new Error("refused");
    markTlsFault(error, { kind: "options", options: "tls.ca" });
    markTlsFault(error, { kind: "options", options: "tls.key" });
    expect(tlsFaultOf(error)?.options).toBe("tls.key");
  });
});

/** Returns the error with which Node refuses the options. */
function refusalOf(tls: object): Error {
  try {
    createSecureContext(tls);
  } catch (error) {
    return error as Error;
  }
  throw new Error("Node accepts the options");
}

describe("refusedTlsOptions() by the message of the error", () => {
  it.each([
    ["Node's error", 'The "options.minVersion" property must be of type string', "tls.minVersion"],
    ["our error", "tls.ca contains no certificate in PEM format", "tls.ca"],
  ])("returns the option that %s names, without a test of the options", (_, message, expected) => {
    expect(refusedTlsOptions({ cert: "no PEM" }, new Error(message))).toBe(expected);
  });

  it.each([["the option tls.ca is wrong"], ["tls.ca: wrong"], ["tls. is wrong"], ["options.ca is wrong"]])(
    "ignores a name in another position: %s",
    (message) => {
      expect(refusedTlsOptions({}, new Error(message))).toBe("tls");
    },
  );
});

describe("refusedTlsOptions() by a test of the options", () => {
  const good: ConnectionOptions = { ca: other.cert, cert, key };

  it.each<[what: string, tls: ConnectionOptions, expected: string]>([
    ["a certificate that is not in PEM format", { cert: "no PEM", key }, "tls.cert"],
    ["a key that is not in PEM format", { cert, key: "no PEM" }, "tls.key"],
    ["the key of another certificate", { cert, key: other.key }, "tls.key and tls.cert"],
    [
      "a wrong passphrase of a key",
      { cert, key: encrypted, passphrase: "wrong" },
      "tls.key and tls.passphrase",
    ],
    ["a key without its passphrase", { cert, key: encrypted }, "tls.key and tls.passphrase"],
    [
      "an encrypted key that is unsupported",
      {
        cert,
        key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        passphrase: "right",
      },
      "tls.key and tls.passphrase",
    ],
    ["a pfx that is not one", { pfx: Buffer.from("no pfx"), passphrase: "right" }, "tls.pfx"],
    ["a revocation list that is not one", { crl: "no PEM" }, "tls.crl"],
    ["unknown ciphers", { ciphers: "NONE" }, "tls.ciphers"],
    ["an unknown version", { minVersion: "TLSv9" as never }, "tls.minVersion"],
  ])("names the options at fault: %s", (_, tls, expected) => {
    const all = { ...good, ...tls };
    expect(refusedTlsOptions(all, refusalOf(all))).toBe(expected);
  });

  it("names the first group if several are wrong", () => {
    const tls = { ciphers: "NONE", crl: "no PEM", cert: "no PEM" };
    expect(refusedTlsOptions(tls, new Error("wrong"))).toBe("tls.crl");
  });

  it("names the passphrase only for an error about it", () => {
    const tls = { cert, key: "no PEM", passphrase: "right" };
    expect(refusedTlsOptions(tls, new Error("wrong"))).toBe("tls.key");
  });

  it("does not name a passphrase without a key", () => {
    expect(refusedTlsOptions({ passphrase: "right" }, new Error("wrong"))).toBe("tls");
  });

  it("ignores an inherited option", () => {
    expect(refusedTlsOptions(Object.create({ crl: "no PEM" }) as object, new Error("wrong"))).toBe("tls");
  });

  it("tests an encrypted key only with its passphrase", () => {
    const tls = { cert, key: encrypted, passphrase: "right", ciphers: "NONE" };
    expect(refusedTlsOptions(tls, new Error("wrong"))).toBe("tls.ciphers");
  });

  it.each([{}, good, { cert, key: encrypted, passphrase: "right" }])(
    'returns "tls" if no group of options fails by itself',
    (tls) => {
      expect(refusedTlsOptions(tls, new Error("wrong"))).toBe("tls");
    },
  );
});

describe("checkTlsOptions()", () => {
  const noCertificate = new TypeError("tls.ca contains no certificate in PEM format");
  const der = Buffer.from(cert.replaceAll(/-----[^-]+-----/g, ""), "base64");

  it.each<[what: string, ca: ConnectionOptions["ca"]]>([
    ["no authority", undefined],
    ["an empty list", []],
    ["a certificate", cert],
    ["a certificate as bytes", Buffer.from(cert)],
    ["a certificate in a view of a larger buffer", Buffer.from(`${cert}${cert}`).subarray(cert.length)],
    ["a certificate after other text", `Issuer: test\n${cert}`],
    ["several certificates of which one is usable", ["no PEM", cert]],
    ["an empty text, which Node treats as absent", ""],
    ["no bytes", Buffer.alloc(0)],
    // The content is checked only with the label "CERTIFICATE".
    ["the label of a trusted certificate", "-----BEGIN TRUSTED CERTIFICATE-----\n"],
    ["the label of an X.509 certificate", "-----BEGIN X509 CERTIFICATE-----\n"],
    ["values for which Node throws", 5 as unknown as string],
  ])("accepts as tls.ca: %s", (_, ca) => {
    expect(() => checkTlsOptions({ ca })).not.toThrow();
  });

  it.each<[what: string, ca: ConnectionOptions["ca"]]>([
    ["text without a certificate", "no PEM"],
    ["bytes without a certificate", Buffer.from("no PEM")],
    ["several texts without a certificate", ["no PEM", Buffer.from("also none")]],
    ["a private key", key],
    ["a certificate in DER format", der],
    ["a certificate with corrupt content", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["a part of a buffer without its certificate", Buffer.from(`no PEM${cert}`).subarray(0, 6)],
  ])("refuses as tls.ca: %s", (_, ca) => {
    expect(() => checkTlsOptions({ ca })).toThrow(noCertificate);
  });

  it("does not check tls.ca if secureContext replaces it", () => {
    expect(() => checkTlsOptions({ ca: "no PEM", secureContext: createSecureContext() })).not.toThrow();
  });

  it.each([null, 5, "text", {}])("refuses %o as checkServerIdentity", (checkServerIdentity) => {
    expect(() => checkTlsOptions({ checkServerIdentity: checkServerIdentity as never })).toThrow(
      new TypeError("tls.checkServerIdentity must be a function"),
    );
  });

  it.each([undefined, () => undefined])("accepts %o as checkServerIdentity", (checkServerIdentity) => {
    expect(() => checkTlsOptions({ checkServerIdentity: checkServerIdentity })).not.toThrow();
  });

  it.each<[name: string, tls: object, kind: string]>([
    ["servername", { servername: 5 }, "a string"],
    ["pskCallback", { pskCallback: "text" }, "a function"],
    ["session", { session: 5 }, "a Buffer"],
    ["secureContext", { secureContext: {} }, "a result of tls.createSecureContext()"],
    ["ALPNProtocols", { ALPNProtocols: "h2" }, "an array"],
    ["minVersion", { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "not be above tls.maxVersion"],
  ])("refuses a wrong %s", (name, tls, kind) => {
    const error = new TypeError(`tls.${name} must ${kind.startsWith("not") ? "" : "be "}${kind}`);
    expect(() => checkTlsOptions(tls)).toThrow(error);
    expect(refusedTlsOptions(tls, error)).toBe(`tls.${name}`);
  });

  it("accepts bytes as session and as ALPNProtocols", () => {
    const bytes = Buffer.alloc(1);
    expect(() => checkTlsOptions({ session: bytes, ALPNProtocols: bytes })).not.toThrow();
    expect(() => checkTlsOptions({ ALPNProtocols: ["h2"], servername: "" })).not.toThrow();
  });

  it("names what it refuses in the form that refusedTlsOptions() reads", () => {
    expect(refusedTlsOptions({}, noCertificate)).toBe("tls.ca");
    expect(refusedTlsOptions({}, new TypeError("tls.checkServerIdentity must be a function"))).toBe(
      "tls.checkServerIdentity",
    );
  });
});

describe("checkKeyPair()", () => {
  const own = createTlsCertificate();

  it("refuses the key of another certificate", () => {
    const { key: other } = createTlsCertificate();
    expect(() => checkKeyPair({ cert: own.cert, key: other })).toThrow(
      expect.objectContaining({ code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH" }) as Error,
    );
  });

  it.each<[what: string, tls: ConnectionOptions]>([
    ["a pair", own],
    ["bytes", { cert: Buffer.from(own.cert), key: Buffer.from(own.key) }],
    ["a chain", { cert: own.cert + createTlsCertificate().cert, key: own.key }],
    ["no key", { cert: own.cert }],
    ["arrays", { cert: [own.cert], key: [own.key] }],
    ["text that is not PEM", { cert: "none", key: "none" }],
  ])("accepts %s", (_what, tls) => {
    expect(() => checkKeyPair(tls)).not.toThrow();
  });
});
