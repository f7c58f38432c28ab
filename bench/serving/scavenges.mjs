// The server side of the kind `scavenges`, the same as for `receive`.
export { prepare } from "./receive.mjs";
