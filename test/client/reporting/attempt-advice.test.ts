import { describe, expect, it } from "vitest";
import { attemptAdvice, isTlsRefusal } from "../../../src/client/reporting/attempt-advice.js";
import { advices } from "../../../src/client/reporting/verdict.js";
import type { Verdict } from "../../../src/events/close-report.js";
import { markTlsFault } from "../../../src/transport/tls-fault.js";

function withCode(code: unknown, ...inner: unknown[]): Error {
  const errors = inner.map((each) => Object.assign(new Error("one"), { code: each }));
  return Object.assign(inner.length > 0 ? new AggregateError(errors, "all") : new Error("one"), { code });
}

const codeAdvices: [verdict: Verdict, code: string, part: string][] = [
  ["refused", "EACCES", "not permitted"],
  ["refused", "EPERM", "not permitted"],
  ["refused", "ERR_ACCESS_DENIED", "--allow-net"],
  ["name-not-found", "ERR_ACCESS_DENIED", "--allow-net"],
  ["refused", "ECONNREFUSED", "Nothing listens"],
  ["refused", "EHOSTUNREACH", "No route"],
  ["refused", "ENETUNREACH", "No route"],
  ["refused", "ETIMEDOUT", "Nothing answered"],
  ["refused", "EADDRNOTAVAIL", "localAddress"],
  ["refused", "ENOENT", "socketPath"],
  ["refused", "EMFILE", "Too many"],
  ["name-not-found", "EAI_AGAIN", "did not answer"],
  ["tls", "DEPTH_ZERO_SELF_SIGNED_CERT", "tls.ca"],
  ["tls", "SELF_SIGNED_CERT_IN_CHAIN", "tls.ca"],
  ["tls", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls.ca"],
  ["tls", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls.ca"],
  ["tls", "ERR_TLS_CERT_ALTNAME_INVALID", "tls.servername"],
  ["tls", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "tls.cert and tls.key"],
  ["tls", "TLS_CLIENT_CERTIFICATE_REQUIRED", "requires a client certificate; set tls.cert and tls.key"],
  ["tls", "TLS_CLIENT_CERTIFICATE_REFUSED", "set another one in tls.cert and tls.key"],
  ["tls", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "set another one in tls.cert and tls.key"],
  ["tls", "CERT_HAS_EXPIRED", "tls.ca"],
  ["tls", "CERT_NOT_YET_VALID", "clock"],
  ["tls", "CERT_SIGNATURE_FAILURE", "tls.ca, before the old one"],
  ["tls", "INVALID_PURPOSE", "not for servers"],
  ["tls", "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "tls.ALPNProtocols"],
  ["tls", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls.minVersion"],
  ["tls", "ERR_SSL_UNSUPPORTED_PROTOCOL", "tls.minVersion"],
  ["tls", "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "tls.ciphers"],
  ["tls", "ERR_SSL_WRONG_VERSION_NUMBER", "ws: URL"],
  ["tls", "ECONNRESET", "ends the TLS handshake"],
  ["tls", "CERT_REVOKED", "the option tls"],
  ["proxy", "PROXY_AUTHENTICATION", "user name and the password"],
  ["proxy", "PROXY_REFUSED", "rules of the proxy"],
  ["proxy", "PROXY_UNREACHABLE", "host and the port in the option proxy"],
  ["proxy", "PROXY_TLS", "proxy.tls.ca"],
  ["proxy", "PROXY_CLOSED", "scheme, the host and the port in the option proxy"],
];

describe("attemptAdvice()", () => {
  it.each(codeAdvices)("returns one or two sentences for %s by %s", (verdict, code, part) => {
    const advice = attemptAdvice(verdict, withCode(code));
    expect(advice).toContain(part);
    expect(advice).toMatch(/^[A-Z][^\n]+\.$/);
  });

  it("names the proxy if it used up connectTimeout", () => {
    expect(attemptAdvice("connect-timeout", new Error("x"), "proxy")).toContain("option proxy");
    expect(attemptAdvice("connect-timeout", new Error("x"), "http")).toBe(advices["connect-timeout"]);
  });

  it.each(["EACCES", "EPERM", "ERR_ACCESS_DENIED"])('does not say "Nothing listens" for %s', (code) => {
    expect(attemptAdvice("refused", withCode(code))).not.toContain("Nothing listens");
    expect(attemptAdvice("refused", withCode(undefined, "ENETUNREACH", code))).not.toContain(
      "Nothing listens",
    );
    expect(attemptAdvice("refused", withCode("ENETUNREACH", "ENETUNREACH", code))).toContain("not permitted");
  });

  it("prefers the advice on a refusing address to that on an unreachable one", () => {
    expect(attemptAdvice("refused", withCode("ENETUNREACH", "ENETUNREACH", "ECONNREFUSED"))).toContain(
      "Nothing listens",
    );
  });

  it.each([undefined, new Error("no code"), withCode(5), withCode("EOTHER"), withCode(undefined, null)])(
    "returns the advice of the verdict if the error has no known code: %s",
    (error) => expect(attemptAdvice("refused", error)).toBe(advices.refused),
  );

  it("accepts an AggregateError with values that are not errors", () => {
    expect(attemptAdvice("refused", new AggregateError([null, "text", undefined]))).toBe(advices.refused);
  });

  it("names the option that Node cannot use", () => {
    const error = markTlsFault(new Error("bad"), { kind: "options", options: "tls.key" });
    expect(attemptAdvice("tls", error)).toContain("Correct the option tls.key:");
    expect(attemptAdvice("refused", error)).toBe(advices.refused);
  });

  it("names checkServerIdentity", () => {
    const error = markTlsFault(new Error("bad"), { kind: "identity", options: "tls.checkServerIdentity" });
    expect(attemptAdvice("tls", error)).toMatch(/^tls\.checkServerIdentity refuses the server/);
  });
});

describe("isTlsRefusal()", () => {
  it.each([
    ["CERT_HAS_EXPIRED", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", true],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", true],
    ["ERR_TLS_CERT_ALTNAME_INVALID", true],
    ["INVALID_PURPOSE", true],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", true],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", true],
    ["TLS_CLIENT_CERTIFICATE_REQUIRED", true],
    ["TLS_CLIENT_CERTIFICATE_REFUSED", true],
    ["CRL_HAS_EXPIRED", true],
    ["UNSPECIFIED", true],
    ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", true],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", true],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", true],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", true],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", true],
    ["ERR_SSL_WRONG_VERSION_NUMBER", false],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", false],
    ["ECONNRESET", false],
    [undefined, false],
    [5, false],
  ])("checks the code: %s is %s", (code, isCertificate) => {
    expect(isTlsRefusal(Object.assign(new Error("x"), { code }))).toBe(isCertificate);
  });

  it("returns false without an error", () => {
    expect(isTlsRefusal(undefined)).toBe(false);
  });
});
