// Deletes dist/ before a build. The builds of the two formats run in parallel, so neither of them may delete it.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
