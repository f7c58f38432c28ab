// Makes the certificate of the TLS scenarios.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Returns a self-signed certificate for 127.0.0.1 with its key. */
export function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), "jetsocket-bench-"));
  try {
    const [keyFile, certificateFile] = ["key.pem", "certificate.pem"].map((name) => join(folder, name));
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const args = ["req", "-x509", ...key, "-out", certificateFile, "-days", "2", ...subject];
    execFileSync("openssl", args, { stdio: "ignore" });
    return { key: readFileSync(keyFile, "utf8"), cert: readFileSync(certificateFile, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
