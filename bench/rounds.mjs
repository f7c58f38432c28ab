import { clients } from "./clients/index.mjs";

/** Of a ratio that is to be relied on. */
export const fewestRounds = 7;

/**
 * How many rounds a client has in a run of everything: the peers that nobody is measured against have a third.
 *
 * @param {string} name
 * @param {{ rounds?: number }} group
 * @param {number} [rounds]
 */
export function roundsFor(name, group, rounds = fewestRounds) {
  const usual = clients[name].isMain ? rounds : Math.max(1, Math.floor(rounds / 3));
  return Math.min(usual, group.rounds ?? usual);
}
