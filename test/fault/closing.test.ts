// Closing handshakes with peers that are slow, incorrect or silent. Real sockets, virtual clock.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CloseError,
  type CloseReport,
  InvalidStateError,
  ProtocolError,
  TimeoutError,
} from "../../src/index.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { type Message, Scene } from "../support/scene.js";
import { closeFrame, frame, pingFrame, textFrame } from "../support/wire.js";
import { never } from "../support/never.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const closeTimeout = 5_000;

describe("a close reason with control characters", () => {
  it("is escaped in the error message and unchanged in the report and the event", async () => {
    const { client, ws, peer } = await scene.open({ reconnect: false });
    const reason = "bye\nat 1\u001b[2J\u0085\u2028";
    const receiving = ws.recv();
    peer.send(closeFrame(4000, reason));
    await peer.untilClose();
    peer.endWithClient();
    const error: unknown = await receiving.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CloseError);
    expect((error as CloseError).message).toContain(
      "by the peer with 4000 (bye\\u000aat 1\\u001b[2J\\u0085\\u2028). ",
    );
    expect((error as CloseError).report.reason).toBe(reason);
    expect((await client.event("closing")).reason).toBe(reason);
  });
});

describe("a peer that never answers our Close", () => {
  it("has its socket destroyed after closeTimeout", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close(1000, "bye");
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "bye" });
    scene.clock.advance(closeTimeout - 1);
    expect(ws.state).toBe("disconnecting");
    expect(scene.counting.openTransports).toBe(1);
    scene.clock.advance(1);
    await closing;
    const { report } = await client.event("closed");
    expect(report).toMatchObject({
      verdict: "closed-by-us",
      wasClean: false,
      codeSent: 1000,
      codeReceived: undefined,
    });
    expect(report.error).toBeInstanceOf(TimeoutError);
    expect(report.error).toMatchObject({ timeoutMs: closeTimeout, operation: "close" });
    expect(ws.state).toBe("closed");
    expect(client.fatalError).toBeUndefined();
    peer.endWithClient();
    await peer.untilGone();
  });

  it("can send messages in the meantime, and they are delivered", async () => {
    const { ws, peer } = await scene.open();
    const received: Message[] = [];
    const reading = (async () => {
      for await (const message of ws) received.push(message);
    })();
    const closing = ws.close();
    await peer.untilClose();
    const size = scene.readSize;
    const messages = [textFrame("late"), textFrame("later")];
    peer.send(...messages);
    await scene.untilRead(size + messages[0]!.length + messages[1]!.length);
    scene.clock.advance(closeTimeout);
    await closing;
    await reading;
    expect(received).toEqual(["late", "later"]);
    peer.endWithClient();
  });

  it("does not delay the timeout of the close() call itself", async () => {
    const { ws, peer } = await scene.open();
    const closing = ws.close(1000, "", { timeout: 100 });
    await peer.untilClose();
    scene.clock.advance(100);
    await expect(closing).rejects.toMatchObject({ operation: "close", timeoutMs: 100 });
    expect(ws.state).toBe("disconnecting");
    scene.clock.advance(closeTimeout);
    await ws.close();
    expect(ws.state).toBe("closed");
    peer.endWithClient();
  });
});

describe("a peer that answers our Close and never ends its stream", () => {
  it("has its socket destroyed after 1 s", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close();
    await peer.untilClose();
    peer.send(closeFrame(1000));
    await peer.untilEnd();
    scene.clock.advance(999);
    expect(scene.counting.openTransports).toBe(1);
    scene.clock.advance(1);
    await closing;
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "closed-by-us", wasClean: true, error: undefined });
    peer.end();
    await peer.untilGone();
  });
});

describe("a peer that closes and never ends its stream", () => {
  it("has its socket destroyed after 1 s", async () => {
    const { client, ws, peer } = await scene.open();
    peer.send(closeFrame(1001, "restart"));
    expect(await peer.untilClose()).toEqual({ code: 1001, reason: "" });
    await peer.untilEnd();
    scene.clock.advance(1_000);
    const { report } = await client.event("closed");
    expect(report).toMatchObject({
      verdict: "going-away",
      wasClean: true,
      reason: "restart",
      error: undefined,
    });
    expect(ws.state).toBe("closed");
    peer.end();
  });

  it("sends frames after its Close, which are ignored", async () => {
    const { client, peer } = await scene.open();
    const later = [textFrame("never"), pingFrame("never"), frame({ opcode: 3 }), closeFrame(1002)];
    peer.send(closeFrame(1000), ...later);
    await peer.untilEnd();
    const size = scene.readSize;
    peer.send(textFrame("never ever"));
    await scene.untilRead(size + textFrame("never ever").length);
    scene.clock.advance(1_000);
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "normal", codeSent: 1000, codeReceived: 1000, wasClean: true });
    expect(client.ws.stats()).toMatchObject({ messagesReceived: 0 });
    expect(client.all("ping")).toEqual([]);
    expect(peer.frameCount).toBe(1);
    peer.end();
  });

  it("sends a flood during that second, and none of it is buffered", async () => {
    const { client, peer } = await scene.open();
    peer.send(closeFrame(1000));
    await peer.untilEnd();
    const size = scene.readSize;
    const flood = Buffer.concat(Array<Buffer>(1_000).fill(textFrame("x".repeat(1_000))));
    peer.send(flood);
    await scene.untilRead(size + flood.length);
    scene.clock.advance(1_000);
    await client.event("closed");
    expect(client.ws.stats()).toMatchObject({ messagesReceived: 0, messagesWaiting: 0 });
    peer.end();
  });
});

describe("a Close frame that arrives in pieces", () => {
  it("is answered when it is complete", async () => {
    const { client, peer } = await scene.open();
    for (const byte of closeFrame(4001, "bit by bit")) {
      expect(peer.frameCount).toBe(0);
      const size = scene.readSize;
      peer.send(Buffer.of(byte));
      await scene.untilRead(size + 1);
    }
    expect(await peer.untilClose()).toEqual({ code: 4001, reason: "" });
    peer.end();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "closed-by-peer", codeReceived: 4001, reason: "bit by bit" });
    expect(client.ws.state).toBe("failed");
    expect(client.fatalError).toBeInstanceOf(CloseError);
  });

  it("fails with messageTimeout if it is never completed", async () => {
    const { client, peer } = await scene.open({ messageTimeout: 3_000 });
    const size = scene.readSize;
    peer.send(closeFrame(1000, "incomplete").subarray(0, 5));
    await scene.untilRead(size + 5);
    scene.clock.advance(3_000);
    expect(await peer.untilClose()).toEqual({ code: 1008, reason: "" });
    peer.end();
    const { report } = await client.event("closed");
    expect(report.error).toBeInstanceOf(ProtocolError);
    expect(report).toMatchObject({ verdict: "policy" });
  });

  it("fails with closeTimeout if it answers our Close and is never completed", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close();
    await peer.untilClose();
    const size = scene.readSize;
    peer.send(closeFrame(1000, "incomplete").subarray(0, 5));
    await scene.untilRead(size + 5);
    scene.clock.advance(closeTimeout);
    await closing;
    expect((await client.event("closed")).report.error).toBeInstanceOf(TimeoutError);
    peer.endWithClient();
  });
});

describe("two Close frames that cross", () => {
  it("are a clean close, and the report has both codes", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close(4000, "ours");
    peer.send(closeFrame(4001, "theirs"));
    expect(await peer.untilClose()).toEqual({ code: 4000, reason: "ours" });
    await peer.untilEnd();
    peer.end();
    await closing;
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ codeSent: 4000, codeReceived: 4001, reason: "theirs", wasClean: true });
    expect(report).toMatchObject({ verdict: "closed-by-us", initiatedBy: "us" });
    expect(client.all("closing")).toEqual([{ code: 4000, reason: "ours", initiatedBy: "us" }]);
    expect(peer.waitingFrames).toEqual([]);
  });
});

describe("close()", () => {
  it("starts one closing handshake, no matter how often it is called", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = [ws.close(4000, "first"), ws.close(4001, "second"), ws.close()];
    expect(await peer.untilClose()).toEqual({ code: 4000, reason: "first" });
    await ws.send("too late").catch((error: unknown) => expect(error).toBeInstanceOf(InvalidStateError));
    peer.send(closeFrame(4000));
    await peer.untilEnd();
    peer.end();
    await Promise.all([...closing, ws.close()]);
    expect(peer.waitingFrames).toEqual([]);
    expect(client.all("closed")).toHaveLength(1);
    await ws.close();
    await expect(ws.connect()).rejects.toBeInstanceOf(InvalidStateError);
    await ws.run();
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1.5, NaN])(
    "rejects the code %d",
    async (code) => {
      const { ws } = await scene.open();
      await expect(ws.close(code)).rejects.toBeInstanceOf(RangeError);
      expect(ws.state).toBe("connected");
    },
  );

  it("sends an empty Close frame with null as the code", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close(null);
    expect(await peer.untilClose()).toEqual({ code: undefined, reason: "" });
    peer.send(closeFrame());
    peer.endWithClient();
    await closing;
    const [{ report }] = client.all("closed") as [{ readonly report: CloseReport }];
    expect(report).toMatchObject({ codeSent: 1005, codeReceived: 1005, wasClean: true });
  });

  it("rejects a reason without a code, and stays connected", async () => {
    const { ws } = await scene.open();
    await expect(ws.close(null, "bye")).rejects.toBeInstanceOf(RangeError);
    expect(ws.state).toBe("connected");
  });

  it("rejects a reason of 124 bytes and accepts one of 123", async () => {
    const { ws, peer } = await scene.open();
    await expect(ws.close(1000, "é".repeat(62))).rejects.toBeInstanceOf(RangeError);
    const closing = ws.close(1000, `${"é".repeat(61)}.`);
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: `${"é".repeat(61)}.` });
    peer.end();
    await closing;
  });

  it("sends the Close after all accepted messages, Blobs and messages above the high-water mark included", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 1_000 });
    const sizes = [5_000, 700_000, 10, 30_000];
    const sends = sizes.map((size) => ws.sendRaw(Buffer.alloc(size, 1)));
    sends.push(ws.sendRaw(new MemoryBlob("from a blob"), { binary: false }));
    const closing = ws.close(1000);
    for (const size of sizes) expect((await peer.frame()).payload.length).toBe(size);
    expect(await peer.text()).toBe("from a blob");
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    await Promise.all([...sends, closing]);
  });

  it("is not delayed by a Blob that cannot be read", async () => {
    const { client, ws, peer } = await scene.open();
    class BrokenBlob extends Blob {
      override arrayBuffer(): Promise<ArrayBuffer> {
        return Promise.reject(new Error("the file is gone"));
      }
    }
    const sending = ws.sendRaw(new BrokenBlob(["x"]));
    const closing = ws.close();
    await expect(sending).rejects.toThrow("the file is gone");
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    await closing;
    expect(client.all("error")).toHaveLength(1);
  });

  it("is not delayed by a message that is withdrawn", async () => {
    const { ws, peer } = await scene.open();
    class SlowBlob extends Blob {
      override arrayBuffer(): Promise<ArrayBuffer> {
        return never();
      }
    }
    const controller = new AbortController();
    const sending = ws.sendRaw(new SlowBlob(["x"]), { signal: controller.signal });
    const closing = ws.close();
    controller.abort(new Error("never mind"));
    await expect(sending).rejects.toThrow("never mind");
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    await closing;
  });
});

describe("a protocol violation after our Close", () => {
  it("ends the client as closed, with the error in the report and one Close on the wire", async () => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close(1000);
    await peer.untilClose();
    peer.send(textFrame("still delivered"), frame({ opcode: 3 }));
    await peer.untilEnd();
    peer.end();
    await closing;
    expect(await ws.recv()).toBe("still delivered");
    const { report } = await client.event("closed");
    expect(report).toMatchObject({
      codeSent: 1000,
      codeReceived: undefined,
      wasClean: false,
      phase: "closing",
    });
    expect(report.error).toBeInstanceOf(ProtocolError);
    expect(ws.state).toBe("closed");
    expect(client.all("closing")).toHaveLength(1);
    expect(peer.waitingFrames).toEqual([]);
  });
});
