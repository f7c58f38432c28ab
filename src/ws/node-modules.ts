/** Loads the modules of Node that only few connections need. It does not cache them: Node does. */
import type * as dns from "node:dns";
import type * as http from "node:http";
import type * as https from "node:https";
import { loadNodeModule } from "../../protocol/index.js";

export const nodeDns = (): typeof dns => loadNodeModule("node:dns") as typeof dns;
export const nodeHttp = (): typeof http => loadNodeModule("node:http") as typeof http;
export const nodeHttps = (): typeof https => loadNodeModule("node:https") as typeof https;
