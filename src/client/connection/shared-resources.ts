/** Provides the protocol resources that all clients of one runtime share. It does not use or release them. */
import { Resources } from "../../../protocol/index.js";
import type { Runtime } from "../../runtime/runtime.js";

const resources = new WeakMap<Runtime, Resources>();

/** Returns the shared resources of a runtime, such as its read buffer and its pool of masking keys. */
export function sharedResources(runtime: Runtime): Resources {
  let shared = resources.get(runtime);
  if (shared === undefined) {
    shared = new Resources({ fillRandom: (bytes) => runtime.fillRandom(bytes) });
    resources.set(runtime, shared);
  }
  return shared;
}
