// `jetsocket/protocol` where Node shows no handle of its zlib streams: the codecs stand on public calls alone.
import { builtEntry } from "./built.mjs";
import { connecting } from "./jetsocket-protocol.mjs";

const { createCodecFactory } = await import(await builtEntry("./protocol"));

export const connect = connecting(createCodecFactory("dictionary"));
