/** Loads the modules of Node that only few connections need. It does not cache them: Node does. */
import { createRequire } from "node:module";
import type * as dns from "node:dns";
import type * as http from "node:http";
import type * as https from "node:https";

// Node's own modules do not depend on the path.
const load = createRequire(process.execPath);

export const nodeDns = (): typeof dns => load("node:dns") as typeof dns;
export const nodeHttp = (): typeof http => load("node:http") as typeof http;
export const nodeHttps = (): typeof https => load("node:https") as typeof https;
