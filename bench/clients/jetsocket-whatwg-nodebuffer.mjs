// The class of `jetsocket/whatwg` with its extension `binaryType = "nodebuffer"`, so that bytes are not copied.
import { connecting } from "./jetsocket-whatwg.mjs";

export const connect = connecting("nodebuffer");
