// The command lines and configurations of the real proxies. It does not start them.
import { chmod, cp, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TlsCertificate } from "../support/tls-certificate.js";
import { findInstalled } from "./debian.js";

/** What a proxy must do. */
export interface ProxyOrder {
  readonly port: number;
  /** Without them, everybody may use the proxy. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** An empty folder for the files of this proxy. */
  readonly folder: string;
}

export interface ProxyProgram {
  readonly name: string;
  readonly scheme: "http" | "https" | "socks5";
  /** The names that the proxy resolves, and nobody else. */
  readonly ownNames: readonly string[];
  /** Writes the files that the program reads, and returns its command line. */
  prepare(order: ProxyOrder): Promise<readonly [file: string, ...args: string[]]>;
}

export const microsocks: ProxyProgram = {
  name: "microsocks",
  scheme: "socks5",
  ownNames: [],
  prepare: ({ port, credentials }) => {
    const login = credentials === undefined ? [] : ["-u", credentials.user, "-P", credentials.password];
    const file = findInstalled("/usr/bin/microsocks");
    return Promise.resolve([file, "-i", "127.0.0.1", "-p", String(port), ...login]);
  },
};

export const tinyproxy: ProxyProgram = {
  name: "tinyproxy",
  scheme: "http",
  ownNames: [],
  prepare: async ({ port, credentials, folder }) => {
    const login = credentials === undefined ? "" : `BasicAuth ${credentials.user} ${credentials.password}`;
    const file = join(folder, "tinyproxy.conf");
    await writeFile(file, `Port ${port}\nListen 127.0.0.1\nTimeout 600\n${login}\n`);
    return [findInstalled("/usr/bin/tinyproxy"), "-d", "-c", file];
  },
};

/** Squid; with a certificate, it is reached over TLS. */
export function squid(certificate?: TlsCertificate): ProxyProgram {
  const scheme = certificate === undefined ? "http" : "https";
  return {
    name: certificate === undefined ? "squid" : "squid over TLS",
    scheme,
    ownNames: ["only-squid-knows.example"],
    prepare: async (order) => {
      const program = findInstalled("/usr/sbin/squid-gnutls", "/usr/sbin/squid-openssl", "/usr/sbin/squid");
      const { folder } = order;
      if (certificate !== undefined) {
        await writeFile(join(folder, "cert.pem"), certificate.cert);
        await writeFile(join(folder, "key.pem"), certificate.key);
      }
      await writeSquidFiles(order, scheme);
      // A process that root starts changes its user, and this user must read the files.
      await chmod(folder, 0o755);
      // The names of shared memory begin with the name of the service, which has only letters and digits.
      return [program, "-N", "-d1", "-n", serviceOf(folder), "-f", join(folder, "squid.conf")];
    },
  };
}

/** The name of the service whose files are in this folder. */
export function serviceOf(folder: string): string {
  return basename(folder).replace(/[^a-z\d]/gi, "");
}

async function writeSquidFiles(
  { port, credentials, folder }: ProxyOrder,
  scheme: "http" | "https",
): Promise<void> {
  const shared = dirname(findInstalled("/usr/share/squid/mime.conf"));
  await cp(join(shared, "errors/templates"), join(folder, "errors"), { recursive: true, dereference: true });
  await cp(join(shared, "mime.conf"), join(folder, "mime.conf"));
  await writeFile(join(folder, "hosts"), "127.0.0.1 localhost only-squid-knows.example\n");
  const isTls = scheme === "https";
  const tls = isTls ? ` tls-cert=${join(folder, "cert.pem")} tls-key=${join(folder, "key.pem")}` : "";
  if (credentials !== undefined) await writeHelper(folder, credentials);
  // Squid reads `acl` lines with `proxy_auth` only after `auth_param` lines.
  const access = [
    `auth_param basic program ${join(folder, "helper.sh")}`,
    "auth_param basic realm proxy",
    "auth_param basic children 1 startup=1 idle=1",
    "acl known proxy_auth REQUIRED",
    "http_access allow known",
    "http_access deny all",
  ];
  const lines = [
    `${scheme}_port 127.0.0.1:${port}${tls}`,
    ...(credentials === undefined ? ["http_access allow all"] : access),
    ...["cache deny all", "cache_mem 0", "memory_cache_shared off", "netdb_filename none"],
    ...["pid_filename none", "access_log none", "cache_log /dev/null", "coredump_dir /tmp"],
    ...["pinger_enable off", "unlinkd_program /bin/true", "visible_hostname proxy.example"],
    ...["dns_timeout 1 second", "shutdown_lifetime 0 seconds", "cache_effective_user nobody"],
    `hosts_file ${join(folder, "hosts")}`,
    `mime_table ${join(folder, "mime.conf")}`,
    `error_directory ${join(folder, "errors")}`,
    // Squid requires the folder, but not the icons.
    `icon_directory ${join(folder, "errors")}`,
  ];
  await writeFile(join(folder, "squid.conf"), `${lines.join("\n")}\n`);
}

/** Squid asks this program about each user. */
async function writeHelper(
  folder: string,
  { user, password }: NonNullable<ProxyOrder["credentials"]>,
): Promise<void> {
  const file = join(folder, "helper.sh");
  const script = `#!/bin/sh
while read -r line; do
  if [ "$line" = "${user} ${password}" ]; then echo OK; else echo ERR; fi
done
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
}
