// One client, one scenario, one fresh process. argv: the client, the scenario, the port.
import { loadClient } from "./clients/index.mjs";
import { scenarioNamed } from "./scenarios.mjs";

const [clientName, scenarioName, port] = process.argv.slice(2);
const scenario = scenarioNamed(scenarioName);
const { measure } = await import(`./kinds/${scenario.kind}.mjs`);
const result = await measure(await loadClient(clientName), scenario, `ws://127.0.0.1:${port}/`);
console.log(JSON.stringify(result));
