/**
 * What a scenario asks of a client.
 *
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {Pick<import("../clients/index.mjs").Settings, "onMessage" | "onBytes">} callbacks
 * @returns {import("../clients/index.mjs").Settings}
 */
export function settingsFor({ kind, payload, compression, isParsed = false }, callbacks) {
  return {
    // In other kinds the server speaks text, if at all.
    isBinary: kind === "receive" && payload.type === "binary",
    isCompressed: compression !== undefined,
    isParsed,
    isLookedAfter: kind === "idle",
    ...callbacks,
  };
}
