// The virtual runtime of `src/testing` with the defaults of the tests.
import {
  VirtualRuntime as PublicRuntime,
  type VirtualRuntimeOptions,
} from "../../src/testing/virtual-runtime.js";

/** The public VirtualRuntime. It records all writes and overwrites the read buffer after each read. */
export class VirtualRuntime extends PublicRuntime {
  constructor(options: VirtualRuntimeOptions = {}) {
    super({ isRecording: true, ...options });
  }
}
