// Re-exports the virtual peer of `src/testing`, with its internal `systemError()`.
export { systemError, type VirtualPeer } from "../../src/testing/virtual-peer.js";
