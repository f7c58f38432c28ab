export { prepare } from "./receive.mjs";
