export { systemError, type VirtualPeer } from "../../src/testing/virtual-peer.js";
