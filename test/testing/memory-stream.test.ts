import { describe, expect, it } from "vitest";
import { MemoryStream } from "../../src/testing/memory-stream.js";
import { VirtualRuntime } from "../../src/testing/virtual-runtime.js";
import { RecordingHandler } from "../support/recording-handler.js";

const kernelBufferSize = 64 * 1024;

/** A client's transport and the server's end of it, opened, with the calls of both handlers. */
class Scene {
  readonly client = new RecordingHandler();
  /** The calls of the stream's handler. Received bytes are recorded as text. */
  readonly calls: string[] = [];
  readonly runtime: VirtualRuntime;
  readonly transport: ReturnType<VirtualRuntime["openTransport"]>;
  stream!: MemoryStream;
  /** The test's own part of each call. */
  onCall: (call: string) => void = () => undefined;

  constructor() {
    this.runtime = new VirtualRuntime({
      server: {
        serve: (peer, runtime) => {
          this.stream = new MemoryStream(peer, runtime);
          this.stream.handler = {
            onData: (bytes) => this.#record(bytes.length > 100 ? `${bytes.length} bytes` : bytes.toString()),
            onEnd: () => this.#record("(end)"),
            onClose: () => this.#record("(close)"),
          };
          peer.accept();
        },
      },
    });
    const target = {
      ...{ url: "ws://feed.test/", host: "127.0.0.1", port: 80, isSecure: false, noDelay: true },
      ...{ keepAlive: false as const, signal: new AbortController().signal, readBuffer: Buffer.alloc(1024) },
    };
    this.transport = this.runtime.openTransport(target, this.client);
    this.run();
    this.client.calls.length = 0;
  }

  #record(call: string): void {
    this.calls.push(call);
    this.onCall(call);
  }

  run(): void {
    this.runtime.advance(0);
  }

  /** Writes as the client. Returns whether the write was accepted at once. */
  send(bytes: string | Buffer, onWritten: () => void = () => undefined): boolean {
    return this.transport.write(Buffer.from(bytes), onWritten);
  }
}

describe("receiving", () => {
  it("passes the data, the end and the close of the client to the handler", () => {
    const scene = new Scene();
    scene.send("one");
    scene.send("two");
    scene.transport.end();
    scene.run();
    expect(scene.calls).toEqual(["one", "two", "(end)"]);
    scene.stream.end();
    scene.run();
    expect(scene.calls).toEqual(["one", "two", "(end)", "(close)"]);
  });

  it("reports the close when the client destroys its transport", () => {
    const scene = new Scene();
    scene.transport.destroy();
    scene.run();
    expect(scene.calls).toEqual(["(close)"]);
  });
});

describe("writing", () => {
  it("delivers each write in one read, and calls onSent after the call", () => {
    const scene = new Scene();
    const sent: string[] = [];
    scene.stream.write(Buffer.from("one"), () => sent.push("one"));
    scene.stream.write(Buffer.from("two"), () => sent.push("two"));
    expect(sent).toEqual([]);
    scene.run();
    expect(sent).toEqual(["one", "two"]);
    expect(scene.client.reads.map(String)).toEqual(["one", "two"]);
  });

  it.each([
    ["end", ["data", "end"], undefined],
    ["reset", ["data", "close"], { code: "ECONNRESET" }],
  ] as const)("delivers the bytes before %s()", (how, calls, error) => {
    const scene = new Scene();
    scene.stream.write(Buffer.from("last"), () => undefined);
    scene.stream[how]();
    scene.run();
    expect(scene.client.calls).toEqual(calls);
    if (error === undefined) expect(scene.client.error).toBeUndefined();
    else expect(scene.client.error).toMatchObject(error);
  });
});

describe("stopReading()", () => {
  it("keeps the data and the end until goOnReading()", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.send("one");
    scene.send("two");
    scene.transport.end();
    scene.run();
    expect(scene.calls).toEqual([]);
    scene.stream.goOnReading();
    expect(scene.calls).toEqual([]);
    scene.run();
    expect(scene.calls).toEqual(["one", "two", "(end)"]);
  });

  it("keeps data that the client sent before it and that was not delivered yet", () => {
    const scene = new Scene();
    scene.send("sent before");
    scene.stream.stopReading();
    scene.run();
    expect(scene.calls).toEqual([]);
    scene.stream.goOnReading();
    scene.run();
    expect(scene.calls).toEqual(["sent before"]);
  });

  it("does not delay the close", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.send("lost");
    scene.transport.destroy();
    scene.run();
    expect(scene.calls).toEqual(["(close)"]);
  });

  it.each([
    [kernelBufferSize, true],
    [kernelBufferSize + 1, false],
  ])("accepts %i bytes of the client at once: %s", (size, isAccepted) => {
    const scene = new Scene();
    scene.stream.stopReading();
    expect(scene.send(Buffer.alloc(size))).toBe(isAccepted);
  });

  it("refuses a write of the client that exceeds the rest of the buffer", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    expect(scene.send(Buffer.alloc(kernelBufferSize - 1))).toBe(true);
    expect(scene.send(Buffer.alloc(2))).toBe(false);
  });

  it("does not grant the buffer again if it is called twice", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.send(Buffer.alloc(kernelBufferSize));
    scene.stream.stopReading();
    expect(scene.send(Buffer.alloc(1))).toBe(false);
  });

  it("cancels a goOnReading() of the same tick", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.stream.goOnReading();
    scene.stream.stopReading();
    scene.send("kept");
    scene.run();
    expect(scene.calls).toEqual([]);
    scene.stream.goOnReading();
    scene.run();
    expect(scene.calls).toEqual(["kept"]);
  });

  it("stops inside a handler of kept data", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.send("a");
    scene.send("b");
    scene.run();
    scene.onCall = () => scene.stream.stopReading();
    scene.stream.goOnReading();
    scene.run();
    expect(scene.calls).toEqual(["a"]);
  });

  it("still allows writing", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.stream.write(Buffer.from("sent"), () => undefined);
    scene.run();
    expect(scene.client.received).toBe("sent");
  });
});

describe("goOnReading()", () => {
  it("completes a refused write, after the kept data", () => {
    const scene = new Scene();
    let written = 0;
    scene.stream.stopReading();
    scene.send("kept");
    expect(scene.send(Buffer.alloc(kernelBufferSize), () => written++)).toBe(false);
    scene.run();
    expect(written).toBe(0);
    scene.stream.goOnReading();
    scene.run();
    expect(written).toBe(1);
    expect(scene.calls).toEqual(["kept", `${kernelBufferSize} bytes`]);
  });

  it("accepts all writes of the client again", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.stream.goOnReading();
    expect(scene.send(Buffer.alloc(2 * kernelBufferSize))).toBe(true);
    scene.run();
    expect(scene.calls).toEqual([`${2 * kernelBufferSize} bytes`]);
  });

  it("has no effect while the stream is read", () => {
    const scene = new Scene();
    scene.stream.goOnReading();
    scene.send("one");
    scene.run();
    expect(scene.calls).toEqual(["one"]);
  });

  it("delivers kept data once, also when it is called twice", () => {
    const scene = new Scene();
    scene.stream.stopReading();
    scene.send("kept");
    scene.run();
    scene.stream.goOnReading();
    scene.stream.goOnReading();
    scene.run();
    expect(scene.calls).toEqual(["kept"]);
  });
});

describe("wait()", () => {
  it("calls back after the given virtual time", () => {
    const scene = new Scene();
    const times: number[] = [];
    scene.stream.wait(1000, () => times.push(scene.runtime.now()));
    scene.runtime.advance(999);
    expect(times).toEqual([]);
    scene.runtime.advance(1);
    expect(times).toEqual([1000]);
  });

  it("does not call back after it was cancelled", () => {
    const scene = new Scene();
    const cancel = scene.stream.wait(1000, () => expect.unreachable());
    cancel();
    cancel();
    scene.runtime.advance(2000);
  });
});
