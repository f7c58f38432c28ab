// Makes the TLS certificates of an interop run with `openssl`.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./run-command.mjs";

/**
 * Makes two self-signed certificates for `localhost`: one for the servers, and one that the servers do not use.
 *
 * @param {string} folder - Folder for the files.
 */
export async function makeCertificates(folder) {
  const server = await makeCertificate(folder, "server");
  const untrusted = await makeCertificate(folder, "untrusted");
  return {
    certificateFile: server.certificateFile,
    keyFile: server.keyFile,
    trusted: await readFile(server.certificateFile),
    untrusted: await readFile(untrusted.certificateFile),
  };
}

async function makeCertificate(folder, name) {
  const certificateFile = join(folder, `${name}.crt`);
  const keyFile = join(folder, `${name}.key`);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  const subject = [
    "-subj",
    `/O=jetsocket interop ${name}/CN=localhost`,
    "-addext",
    "subjectAltName=DNS:localhost",
  ];
  await runCommand("openssl", ["req", "-x509", ...key, "-out", certificateFile, "-days", "2", ...subject]);
  return { certificateFile, keyFile };
}
