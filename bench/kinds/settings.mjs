/**
 * Returns the client settings of a scenario.
 *
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {Pick<import("../clients/index.mjs").Settings, "onMessage" | "onBytes">} callbacks
 * @returns {import("../clients/index.mjs").Settings}
 */
export function settingsFor({ kind, payload, compression, isParsed = false }, callbacks) {
  return {
    // In the other kinds the server sends text or nothing.
    isBinary: kind === "receive" && payload.type === "binary",
    isCompressed: compression !== undefined,
    isParsed,
    isLookedAfter: kind === "idle",
    ...callbacks,
  };
}
