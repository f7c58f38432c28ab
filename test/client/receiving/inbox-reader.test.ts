import { beforeEach, describe, expect, it } from "vitest";
import { Inbox, type InboxBounds } from "../../../src/buffer/inbox.js";
import { Decoder } from "../../../src/client/receiving/decoder.js";
import { InboxReader, type InboxReaderHost } from "../../../src/client/receiving/inbox-reader.js";
import type { Reader } from "../../../src/client/receiving/reader.js";
import { ReaderQueue } from "../../../src/client/receiving/reader-queue.js";
import { decoded, type ReceivedMessage, undecoded } from "../../../src/client/receiving/received-message.js";

type Entry = ReceivedMessage;

/** An inbox with its readers; `log` contains what the reader reports and delivers. */
class Scene implements InboxReaderHost {
  readonly log: string[] = [];
  readonly inbox: Inbox<Entry>;
  readonly readers = new ReaderQueue();
  readonly reader: InboxReader = new InboxReader(this.readers, this);
  readonly decoder = new Decoder(
    (data) => {
      if (data.toString().startsWith("bad")) throw new Error("no good");
      return `<${data.toString()}>`;
    },
    (data) => {
      this.log.push(`undecodable ${data.toString()}`);
      this.onUndecodable?.();
    },
  );
  onTakenCall: (() => void) | undefined;
  onUndecodable: (() => void) | undefined;

  constructor(bounds: Partial<InboxBounds> = {}) {
    this.inbox = new Inbox<Entry>({ capacity: 10, maxBytes: 1_000, overflow: "pause", ...bounds }, (entry) =>
      this.log.push(`dropped ${String(entry.value)}`),
    );
  }

  onTaken(entry: Entry | undefined): void {
    this.log.push(entry === undefined ? "taken nothing" : `taken ${String(entry.value)}`);
    this.onTakenCall?.();
  }

  endReaders(): void {
    this.log.push("end readers");
  }

  /** Adds decoded messages. */
  fill(...values: readonly string[]): void {
    for (const value of values) this.inbox.push(decoded(value, value, 1, 0));
  }

  /** Adds messages that are not decoded yet. */
  fillRaw(...texts: readonly string[]): void {
    for (const text of texts) this.inbox.push(undecoded(text, 1, 0));
  }

  addReader(name: string, match?: (message: string) => boolean): Reader {
    const reader: Reader = {
      filter: match === undefined ? undefined : { match, reject: () => this.log.push(`${name} rejects`) },
      resolve: (value) => this.log.push(`${name} gets ${String(value)}`),
      end: () => this.log.push(`${name} ends`),
    };
    this.readers.add(reader);
    return reader;
  }

  get left(): string[] {
    return this.inbox.waiting.map(({ isDecoded, value, data }) => String(isDecoded ? value : data));
  }
}

let scene: Scene;
let reader: InboxReader;

function create(bounds?: Partial<InboxBounds>): void {
  scene = new Scene(bounds);
  ({ reader } = scene);
}

beforeEach(() => create());

describe("next()", () => {
  it("removes the oldest message, and reports it", () => {
    scene.fill("a", "b");
    expect(reader.next()?.value).toBe("a");
    expect([scene.log, scene.left]).toEqual([["taken a"], ["b"]]);
  });

  it("reports an empty inbox", () => {
    expect(reader.next()).toBeUndefined();
    expect(scene.log).toEqual(["taken nothing"]);
  });

  it("decodes the message, and skips those that cannot be decoded", () => {
    scene.fillRaw("bad 1", "bad 2", "a");
    expect(reader.next()?.value).toBe("<a>");
    expect(scene.log).toEqual(["undecodable bad 1", "undecodable bad 2", "taken <a>"]);
  });

  it("reports an empty inbox if no message can be decoded", () => {
    scene.fillRaw("bad");
    expect(reader.next()).toBeUndefined();
    expect(scene.log).toEqual(["undecodable bad", "taken nothing"]);
  });

  it("activates the overflow policy with its first call", () => {
    create({ capacity: 1, overflow: "dropNewest" });
    scene.fill("a", "b");
    expect([scene.log, scene.left]).toEqual([["dropped a"], ["b"]]);
    reader.next();
    scene.fill("c", "d");
    expect([scene.log.slice(2), scene.left]).toEqual([["dropped d"], ["c"]]);
  });
});

describe("all()", () => {
  it("removes all messages in order", () => {
    scene.fill("a", "b");
    expect(reader.all()).toEqual({ value: ["a", "b"] });
    expect([scene.log, scene.left]).toEqual([["taken a", "taken b", "taken nothing"], []]);
  });

  it("returns undefined if no message is left, or none can be decoded", () => {
    expect(reader.all()).toBeUndefined();
    scene.fillRaw("bad");
    expect(reader.all()).toBeUndefined();
  });
});

describe("matching()", () => {
  it("removes the first message that match accepts, and keeps the others in order", () => {
    scene.fill("a", "b1", "b2", "c");
    expect(reader.matching((message) => String(message).startsWith("b"))?.value).toBe("b1");
    expect([scene.log, scene.left]).toEqual([["taken b1"], ["a", "b2", "c"]]);
  });

  it("returns undefined if match accepts no message", () => {
    scene.fill("a", "b");
    expect(reader.matching(() => false)).toBeUndefined();
    expect([scene.log, scene.left]).toEqual([["taken nothing"], ["a", "b"]]);
  });

  it("activates the overflow policy", () => {
    create({ capacity: 1, overflow: "dropNewest" });
    reader.matching(() => false);
    scene.fill("a", "b");
    expect(scene.left).toEqual(["a"]);
  });

  it("decodes each message once, and removes those that cannot be decoded", () => {
    scene.fillRaw("a", "bad", "b");
    expect(reader.matching((message) => message === "<b>")?.value).toBe("<b>");
    expect(reader.matching(() => false)).toBeUndefined();
    expect([scene.log, scene.left]).toEqual([["undecodable bad", "taken <b>", "taken nothing"], ["<a>"]]);
  });

  it("throws the error of match, keeps the message, and accepts the next operation", () => {
    scene.fill("a");
    const error = new Error("no");
    const match = (): boolean => {
      throw error;
    };
    expect(() => reader.matching(match)).toThrow(error);
    expect(scene.log).toEqual([]);
    expect(reader.next()?.value).toBe("a");
  });

  it("continues if match removes the message that it accepts", () => {
    scene.fill("a", "b");
    const match = (message: unknown): boolean => {
      if (message === "a") scene.inbox.shift();
      return true;
    };
    expect(reader.matching(match)?.value).toBe("b");
  });
});

describe("an operation inside another one", () => {
  it("removes nothing, for each method", () => {
    scene.fill("a", "b");
    const inner: unknown[] = [];
    const match = (): boolean => {
      inner.push(
        reader.next(),
        reader.all(),
        reader.matching(() => true),
      );
      return true;
    };
    expect(reader.matching(match)?.value).toBe("a");
    expect([inner, scene.left]).toEqual([[undefined, undefined, undefined], ["b"]]);
  });

  it("delivers nothing to waiting readers", () => {
    scene.fill("a");
    scene.onTakenCall = () => reader.deliverToReaders();
    reader.next();
    expect(scene.log).toEqual(["taken a"]);
  });

  it.each([
    ["next()", (): unknown => reader.next()],
    ["matching()", (): unknown => reader.matching((message) => message === "<a>")],
  ])("delivers the next message to a reader that is added during %s, after the operation", (_, take) => {
    scene.fillRaw("bad", "a", "b");
    scene.onUndecodable = () => void scene.addReader("inner");
    take();
    expect(scene.log).toEqual([
      ...["undecodable bad", "taken <a>", "inner gets <b>", "taken <b>", "end readers"],
    ]);
  });

  it("ends a reader that is added during all() if no message is left", () => {
    scene.fillRaw("bad", "a");
    scene.onUndecodable = () => void scene.addReader("inner");
    expect(reader.all()).toEqual({ value: ["<a>"] });
    expect(scene.log.slice(-2)).toEqual(["taken nothing", "end readers"]);
  });

  it("delivers to added readers also if match throws", () => {
    scene.fill("a");
    const match = (): boolean => {
      scene.addReader("inner");
      throw new Error("no");
    };
    expect(() => reader.matching(match)).toThrow("no");
    expect(scene.log).toEqual(["inner gets a", "taken a", "end readers"]);
  });

  it("does not check for the end if no reader was added", () => {
    scene.addReader("earlier", () => false);
    scene.fill("a");
    reader.next();
    expect(scene.log).not.toContain("end readers");
  });
});

describe("endFor()", () => {
  const end = { iteratorError: undefined, recvError: new Error("closed") };

  it("returns the end outside of an operation, if it has been reached", () => {
    expect([reader.endFor(end), reader.endFor(undefined)]).toEqual([end, undefined]);
  });

  it("returns undefined during an operation, because that reader may still receive a message", () => {
    scene.fill("a");
    let inner: unknown = "not called";
    scene.onTakenCall = () => (inner = reader.endFor(end));
    reader.next();
    expect(inner).toBeUndefined();
  });
});

describe("deliverToReaders()", () => {
  it("delivers the messages in the order of the readers, and stops when no reader is left", () => {
    scene.addReader("first");
    scene.addReader("second");
    scene.fill("a", "b", "c");
    reader.deliverToReaders();
    expect(scene.log).toEqual([...["first gets a", "taken a", "second gets b", "taken b", "end readers"]]);
    expect(scene.left).toEqual(["c"]);
  });

  it("keeps a message that no reader accepts", () => {
    scene.addReader("only c", (message) => message === "c");
    scene.fill("a", "c");
    reader.deliverToReaders();
    expect([scene.log, scene.left]).toEqual([["only c gets c", "taken c", "end readers"], ["a"]]);
  });

  it("removes a message that cannot be decoded", () => {
    scene.addReader("first");
    scene.fillRaw("bad", "a");
    reader.deliverToReaders();
    expect(scene.log).toEqual(["undecodable bad", "first gets <a>", "taken <a>", "end readers"]);
    expect(scene.left).toEqual([]);
  });

  it("decodes no message if no reader waits", () => {
    scene.fillRaw("bad");
    reader.deliverToReaders();
    expect([scene.log, scene.inbox.length]).toEqual([["end readers"], 1]);
  });

  it("activates the overflow policy", () => {
    create({ capacity: 1, overflow: "dropNewest" });
    reader.deliverToReaders();
    scene.fill("a", "b");
    expect(scene.left).toEqual(["a"]);
  });
});
