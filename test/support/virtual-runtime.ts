import {
  VirtualRuntime as PublicRuntime,
  type VirtualRuntimeOptions,
} from "../../src/testing/virtual-runtime.js";

/** The public one, with a list of all that was taken, and with a read buffer that is spoilt behind each read. */
export class VirtualRuntime extends PublicRuntime {
  constructor(options: VirtualRuntimeOptions = {}) {
    super({ isRecording: true, ...options });
  }
}
