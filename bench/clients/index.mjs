/**
 * The clients, as data; the first is the subject, each other is compared with it. A module in this folder exports one
 * function for each kind of scenario that the client can do.
 */
export const clientNames = ["jetsocket", "ws"];

/** @param {string} name */
export function loadClient(name) {
  return import(`./${name}.mjs`);
}
