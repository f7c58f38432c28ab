/** The configuration of the suite's server. */

/** The version of the suite that the pinned verdicts belong to. */
export const SUITE_VERSION = "25.10.1";

const HANDSHAKE_SECONDS = 30;

/**
 * Returns the specification file of the suite.
 * @param {number} port
 * @param {string} resultFolder path inside the server's file system
 * @param {readonly string[]} patterns
 */
export function specification(port, resultFolder, patterns) {
  return {
    // The suite rejects a Host header whose port differs from the one in this URL.
    url: `ws://127.0.0.1:${port}`,
    outdir: resultFolder,
    cases: patterns,
    "exclude-cases": [],
    "exclude-agent-cases": {},
    // The suite's default of 1 s is too short for a busy machine.
    options: { openHandshakeTimeout: HANDSHAKE_SECONDS, closeHandshakeTimeout: HANDSHAKE_SECONDS },
  };
}
