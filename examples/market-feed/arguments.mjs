// Parses the command line of the market feed example.
import { parseArgs } from "node:util";

const usage = `npm start                  the embedded market feed
npm start -- URL           another server

  --trades N     of the embedded feed: how many to receive at the least (default 10000)
  --seconds N    of another server: how long to listen (default 10)
  --send TEXT    to another server: the first message on each connection, sent as it is`;

/**
 * @typedef {object} Arguments
 * @property {string | undefined} url - `undefined` for the embedded feed.
 * @property {number} trades
 * @property {number} seconds
 * @property {string | undefined} send
 */

/**
 * @param {readonly string[]} words
 * @returns {Arguments}
 * @throws Error for an invalid argument. Its message lists the valid ones.
 */
export function readArguments(words) {
  try {
    return parse([...words]);
  } catch (error) {
    throw new Error(`${/** @type {Error} */ (error).message}\n\n${usage}`, { cause: error });
  }
}

/** @param {string[]} args */
function parse(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      trades: { type: "string", default: "10000" },
      seconds: { type: "string", default: "10" },
      send: { type: "string" },
    },
  });
  if (positionals.length > 1) throw new Error(`One url at a time, not ${positionals.join(" and ")}.`);
  return {
    url: positionals[0],
    trades: countOf("trades", values.trades),
    seconds: countOf("seconds", values.seconds),
    send: values.send,
  };
}

/** @param {string} name @param {string | undefined} text */
function countOf(name, text) {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`--${name} takes a whole number from 1 on, not ${JSON.stringify(text)}.`);
}
