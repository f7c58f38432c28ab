/** What the suite's server is told. */

/** The version of the suite that the pinned verdicts belong to. */
export const SUITE_VERSION = "25.10.1";

const HANDSHAKE_SECONDS = 30;

/**
 * The specification that the suite reads.
 * @param {number} port
 * @param {string} resultFolder as the server sees it
 * @param {readonly string[]} patterns
 */
export function specification(port, resultFolder, patterns) {
  return {
    // The suite refuses a Host header whose port is not the one of this url.
    url: `ws://127.0.0.1:${port}`,
    outdir: resultFolder,
    cases: patterns,
    "exclude-cases": [],
    "exclude-agent-cases": {},
    // The suite's own second is too short for a machine that is busy.
    options: { openHandshakeTimeout: HANDSHAKE_SECONDS, closeHandshakeTimeout: HANDSHAKE_SECONDS },
  };
}
