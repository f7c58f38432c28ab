// Measures one client in one scenario in a fresh process. argv: module of the client, scenario, JSON of the server.
import { loadClient } from "./clients/index.mjs";
import { scenarioNamed } from "./scenarios/index.mjs";

/**
 * The facts that the server's process prints.
 *
 * @typedef {object} Server
 * @property {string} url
 * @property {number} [bytesPerMessage] - Bytes on the wire per message of the server.
 * @property {string} [ca] - The certificate to trust.
 */

const [moduleName, scenarioName, serverFacts] = process.argv.slice(2);
const scenario = scenarioNamed(scenarioName);
const { measure } = await import(`./kinds/${scenario.kind}.mjs`);
// The scenario "import" is measured before any client is imported.
const client = scenario.kind === "import" ? moduleName : await loadClient(moduleName);
const { warmUpMilliseconds = scenario.warmUpMilliseconds } = client;
const result = await measure(client, { ...scenario, warmUpMilliseconds }, JSON.parse(serverFacts));
console.log(JSON.stringify(result));
process.exit();
