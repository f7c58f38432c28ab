const kibibyte = 1024;

/**
 * What is measured, as data. `kind` names the module in `kinds/` that runs in the client's process.
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {"receive"} kind
 * @property {{ type: "text", size: number }} payload - `size` in bytes.
 * @property {number} warmUp - Messages that come before the clock starts.
 * @property {number} messages - Messages that are measured.
 */

/** @type {readonly Scenario[]} */
export const scenarios = [
  {
    name: "recv-text-128B",
    kind: "receive",
    payload: { type: "text", size: 128 },
    warmUp: 300_000,
    messages: 2_000_000,
  },
  {
    name: "recv-text-16KiB",
    kind: "receive",
    payload: { type: "text", size: 16 * kibibyte },
    warmUp: 10_000,
    messages: 50_000,
  },
];

/**
 * @param {string} name
 * @returns {Scenario}
 */
export function scenarioNamed(name) {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  throw new Error(`no scenario ${name}; there are: ${scenarios.map((known) => known.name).join(", ")}`);
}
