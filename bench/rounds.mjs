// Decides how many rounds a client has.
import { clients } from "./clients/index.mjs";

/** Least number of rounds for a reliable ratio. */
export const fewestRounds = 7;

/**
 * Returns the number of rounds of a client in a complete run. Peers that are not a baseline have a third of the rounds.
 *
 * @param {string} name
 * @param {{ rounds?: number }} group
 * @param {number} [rounds]
 */
export function roundsFor(name, group, rounds = fewestRounds) {
  const usual = clients[name].isMain ? rounds : Math.max(1, Math.floor(rounds / 3));
  return Math.min(usual, group.rounds ?? usual);
}
