// The list of all checks.
import { closingChecks } from "./closing.mjs";
import { compressionChecks } from "./compression.mjs";
import { handshakeChecks } from "./handshake.mjs";
import { messageChecks } from "./messages.mjs";
import { pingChecks } from "./pings.mjs";
import { tlsChecks } from "./tls.mjs";

/**
 * All checks, in the order of the table. Each check runs on its own connection against each server, and throws on
 * failure.
 *
 * @typedef {{ name: string, run: (context: import("../check-context.mjs").CheckContext) => Promise<void> }} Check
 * @type {readonly Check[]}
 */
export const checks = [
  ...messageChecks,
  ...compressionChecks,
  ...pingChecks,
  ...closingChecks,
  ...handshakeChecks,
  ...tlsChecks,
];
