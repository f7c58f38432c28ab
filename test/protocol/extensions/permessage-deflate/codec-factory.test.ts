import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, type ZlibOptions } from "node:zlib";
import { describe, expect, it } from "vitest";
import { InvalidStateError, JetSocketError } from "../../../../protocol/errors.js";
import type { DeflaterOptions } from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import type {
  ZlibStream,
  ZlibStreams,
} from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";

const backends = ["handle", "dictionary"] as const;
const context = { windowBits: 15, keepsContext: true };
const noContext = { windowBits: 15, keepsContext: false };
const hello = Buffer.from("f248cdc9c90700", "hex");
/** A message that our own inflater leaves to zlib. */
const long = deflateRawSync(Buffer.from(Array.from({ length: 300 }, (_, index) => (index * index) % 251)), {
  finishFlush: constants.Z_SYNC_FLUSH,
}).subarray(0, -4);

function deflaterOptions(options: Partial<DeflaterOptions> = {}): DeflaterOptions {
  return { ...noContext, level: -1, memLevel: 8, ...options };
}

/** Counts the streams of Node. */
class CountingStreams implements ZlibStreams {
  readonly made: string[] = [];
  openCount = 0;

  createInflateRaw(options: ZlibOptions): ZlibStream {
    return this.#count(`inflate ${options.windowBits ?? ""}`, createInflateRaw(options));
  }

  createDeflateRaw(options: ZlibOptions): ZlibStream {
    return this.#count(
      `deflate ${options.level ?? ""} ${options.windowBits ?? ""}`,
      createDeflateRaw(options),
    );
  }

  #count(description: string, stream: ZlibStream): ZlibStream {
    this.made.push(description);
    this.openCount++;
    const close = stream.close.bind(stream);
    stream.close = (): void => {
      close();
      this.openCount--;
    };
    return stream;
  }
}

describe("createCodecFactory", () => {
  it("uses the handles of this version of Node by default", () => {
    expect(createCodecFactory().name).toBe("handle");
  });

  it.each(backends)("uses the %s backend if it is requested", (name) => {
    expect(createCodecFactory(name).name).toBe(name);
  });

  const noHandles: ZlibStreams = {
    createInflateRaw: () => ({ close: () => {} }),
    createDeflateRaw: () => ({ close: () => {} }),
  };

  it("uses the dictionary backend if there are no handles", () => {
    const factory = createCodecFactory(undefined, noHandles);
    expect(factory.name).toBe("dictionary");
    const inflater = factory.inflater(context);
    expect(inflater.inflate(hello, 5, true).toString()).toBe("Hello");
    inflater.close();
  });

  it("throws UNSUPPORTED_CODEC if handles are requested and there are none", () => {
    const create = () => createCodecFactory("handle", noHandles);
    expect(create).toThrow(JetSocketError);
    expect(create).toThrow(expect.objectContaining({ code: "UNSUPPORTED_CODEC" }));
  });

  it("tests the handles at the first use and closes them again", () => {
    const streams = new CountingStreams();
    const factory = createCodecFactory(undefined, streams);
    const inflater = factory.inflater(context);
    expect(streams.made).toEqual([]);
    expect(factory.name).toBe("handle");
    expect(streams.made.length).toBeGreaterThan(0);
    expect(streams.openCount).toBe(0);
    inflater.close();
  });
});

describe("the codecs of a factory", () => {
  it("allocate native memory at their first use and free it when they are closed", () => {
    const streams = new CountingStreams();
    const factory = createCodecFactory("handle", streams);
    const before = streams.made.length;
    const inflater = factory.inflater({ ...context, windowBits: 10 });
    const deflater = factory.deflater(deflaterOptions({ keepsContext: true, level: 3, windowBits: 11 }));
    expect(streams.made).toHaveLength(before);
    inflater.inflate(hello, 5, false);
    expect(streams.made).toHaveLength(before);
    inflater.inflate(long, 300, false);
    deflater.deflate(Buffer.from("x"));
    expect(streams.made.slice(before)).toEqual(["inflate 10", "deflate 3 11"]);
    inflater.close();
    deflater.close();
    expect(streams.openCount).toBe(0);
  });

  it("share one codec without context until the last user closes it", () => {
    const streams = new CountingStreams();
    const factory = createCodecFactory("handle", streams);
    const before = streams.made.length;
    const unused = factory.inflater(noContext);
    const inflaters = [15, 10, 8].map((windowBits) => factory.inflater({ windowBits, keepsContext: false }));
    for (const inflater of inflaters) expect(inflater.inflate(long, 300, true)).toHaveLength(300);
    const options = [deflaterOptions(), deflaterOptions({ level: 1 }), deflaterOptions()];
    const deflaters = options.map((each) => factory.deflater(each));
    for (const deflater of deflaters) deflater.deflate(Buffer.from("x"));
    expect(streams.made.slice(before)).toEqual(["inflate 15", "deflate -1 15", "deflate 1 15"]);
    expect(factory.openCount).toBe(7);
    unused.close();
    inflaters[0]!.close();
    expect(inflaters[1]!.inflate(long, 300, true)).toHaveLength(300);
    expect(streams.openCount).toBe(3);
    for (const codec of [...inflaters, ...deflaters]) codec.close();
    expect(streams.openCount).toBe(0);
    expect(factory.openCount).toBe(0);
    const again = factory.inflater(noContext);
    expect(again.inflate(long, 300, true)).toHaveLength(300);
    again.close();
    expect(streams.openCount).toBe(0);
  });

  it.each(backends)("count as closed once if close() is called twice (%s)", (name) => {
    const factory = createCodecFactory(name);
    const codecs = [
      factory.inflater(context),
      factory.deflater(deflaterOptions()),
      factory.inflater(noContext),
    ];
    expect(factory.openCount).toBe(3);
    for (const codec of codecs) {
      codec.close();
      codec.close();
    }
    expect(factory.openCount).toBe(0);
  });

  it.each(backends)("throw when they are used after they are closed (%s)", (name) => {
    const factory = createCodecFactory(name);
    const inflater = factory.inflater(context);
    inflater.inflate(hello, 5, false);
    inflater.close();
    expect(() => inflater.inflate(hello, 5, false)).toThrow(InvalidStateError);
    const deflater = factory.deflater(deflaterOptions());
    deflater.close();
    expect(() => deflater.deflate(hello)).toThrow(InvalidStateError);
    expect(factory.openCount).toBe(0);
  });

  it("can be closed after a failure", () => {
    const streams = new CountingStreams();
    const factory = createCodecFactory("handle", streams);
    const inflater = factory.inflater(context);
    expect(() => inflater.inflate(Buffer.of(0x06), 5, false)).toThrow();
    inflater.close();
    expect([streams.openCount, factory.openCount]).toEqual([0, 0]);
  });
});

describe("createCodecFactory on a Node with different handles", () => {
  interface Handle {
    onerror: (message: string) => void;
    writeSync: (...args: unknown[]) => void;
    reset: () => void;
  }

  /** Creates Node's streams with handles that call `write` instead of writing. */
  function streamsWith(write: (handle: Handle, ...args: unknown[]) => void): ZlibStreams {
    const change = (stream: ZlibStream): ZlibStream => {
      const handle = Reflect.get(stream, "_handle") as Handle;
      const writeSync = handle.writeSync.bind(handle);
      const changed: Handle["writeSync"] = (...args) => {
        handle.writeSync = writeSync;
        write(handle, ...args);
        handle.writeSync = changed;
      };
      handle.writeSync = changed;
      return stream;
    };
    return {
      createInflateRaw: (options) => change(createInflateRaw(options)),
      createDeflateRaw: (options) => change(createDeflateRaw(options)),
    };
  }

  it("uses the handles if they behave the same", () => {
    const streams = streamsWith((handle, ...args) => handle.writeSync(...args));
    expect(createCodecFactory(undefined, streams).name).toBe("handle");
  });

  it("rejects corrupt data even if the handles do not report it", () => {
    const streams = streamsWith((handle, ...args) => {
      handle.onerror = (): void => {};
      handle.writeSync(...args);
    });
    const inflater = createCodecFactory("handle", streams).inflater(context);
    expect(inflater.inflate(hello, 5, true).toString()).toBe("Hello");
    const cause: unknown = expect.objectContaining({ message: "zlib did not report the result of a write" });
    const refused = expect.objectContaining({ code: "INVALID_DEFLATE_DATA", cause }) as Error;
    expect(() => inflater.inflate(Buffer.of(0x06), 5, false)).toThrow(refused);
    inflater.close();
  });

  it.each<[string, (handle: Handle, ...args: unknown[]) => void]>([
    [
      "they return other bytes",
      (handle, ...args) => {
        handle.writeSync(...args);
        (args[4] as Buffer)[args[5] as number]! ^= 1;
      },
    ],
    [
      "they do not keep the context",
      (handle, ...args) => {
        handle.reset();
        handle.writeSync(...args);
      },
    ],
    [
      "they throw",
      () => {
        throw new Error("not supported any more");
      },
    ],
  ])("uses the dictionary backend if %s", (_, write) => {
    const streams = streamsWith(write);
    expect(createCodecFactory(undefined, streams).name).toBe("dictionary");
    const { createInflateRaw } = streams;
    expect(createCodecFactory(undefined, { createInflateRaw, createDeflateRaw }).name).toBe("dictionary");
  });
});
