import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./run-command.mjs";

/**
 * Makes two certificates for `localhost`, each its own authority: one for the servers, and a stranger's.
 *
 * @param {string} folder - Where the files go.
 */
export async function makeCertificates(folder) {
  const server = await makeCertificate(folder, "server");
  const stranger = await makeCertificate(folder, "stranger");
  return {
    certificateFile: server.certificateFile,
    keyFile: server.keyFile,
    trusted: await readFile(server.certificateFile),
    stranger: await readFile(stranger.certificateFile),
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
