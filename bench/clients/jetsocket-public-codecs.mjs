// `jetsocket/protocol` with codecs that use only the public interface of zlib, not the handle of its streams.
import { builtEntry } from "./built.mjs";
import { connecting } from "./jetsocket-protocol.mjs";

const { createCodecFactory } = await import(await builtEntry("./protocol"));

export const connect = connecting(createCodecFactory("dictionary"));
