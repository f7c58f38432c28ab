// The two formats are built side by side: neither may empty the folder that the other writes to.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
