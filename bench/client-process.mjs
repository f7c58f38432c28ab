// One client, one scenario, one fresh process. argv: the module of the client, the scenario, what the server said of itself.
import { loadClient } from "./clients/index.mjs";
import { scenarioNamed } from "./scenarios/index.mjs";

/**
 * What the server's process says of itself.
 *
 * @typedef {object} Server
 * @property {string} url
 * @property {number} [bytesPerMessage] - On the wire, of what the server sends.
 * @property {string} [ca] - The certificate to trust.
 */

const [moduleName, scenarioName, serverFacts] = process.argv.slice(2);
const scenario = scenarioNamed(scenarioName);
const { measure } = await import(`./kinds/${scenario.kind}.mjs`);
// What an import costs is measured before anything is imported.
const client = scenario.kind === "import" ? moduleName : await loadClient(moduleName);
const { warmUpMilliseconds = scenario.warmUpMilliseconds } = client;
const result = await measure(client, { ...scenario, warmUpMilliseconds }, JSON.parse(serverFacts));
console.log(JSON.stringify(result));
process.exit();
