import { clients } from "./clients/index.mjs";

/** Of a ratio that is to be relied on. */
export const fewestRounds = 7;
const peerRounds = 3;

/**
 * How many rounds a client has in a run of everything.
 *
 * @param {string} name
 * @param {{ rounds?: number }} group
 */
export function roundsFor(name, group) {
  const usual = clients[name].isMain ? fewestRounds : peerRounds;
  return Math.min(usual, group.rounds ?? usual);
}
