import { Resources } from "../../../protocol/index.js";
import type { Runtime } from "../../runtime/runtime.js";

const resources = new WeakMap<Runtime, Resources>();

/** What all clients on one runtime share: one read buffer, one pool of masking keys, and so on. */
export function sharedResources(runtime: Runtime): Resources {
  let shared = resources.get(runtime);
  if (shared === undefined) {
    shared = new Resources({ fillRandom: (bytes) => runtime.fillRandom(bytes) });
    resources.set(runtime, shared);
  }
  return shared;
}
