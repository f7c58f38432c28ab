// close(), terminate(), run() and the peer's Close, over real sockets and without faults.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, connect, InvalidStateError, type Verdict } from "../../src/index.js";
import { type Message, Scene } from "../support/scene.js";
import { closeFrame, opcodes, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

interface Ending {
  readonly verdict: Verdict;
  readonly isOrderly?: boolean;
}

const codes: [code: number | undefined, ending: Ending][] = [
  [1000, { verdict: "normal", isOrderly: true }],
  [1001, { verdict: "going-away", isOrderly: true }],
  [1002, { verdict: "protocol-error" }],
  [1003, { verdict: "protocol-error" }],
  [1007, { verdict: "protocol-error" }],
  [1008, { verdict: "policy" }],
  [1009, { verdict: "too-big" }],
  [1010, { verdict: "protocol-error" }],
  [1011, { verdict: "server-error" }],
  [1012, { verdict: "server-restart" }],
  [1013, { verdict: "rate-limited" }],
  [1014, { verdict: "closed-by-peer" }],
  [3000, { verdict: "closed-by-peer" }],
  [4000, { verdict: "closed-by-peer" }],
  [4401, { verdict: "auth" }],
  [4403, { verdict: "auth" }],
  [4999, { verdict: "closed-by-peer" }],
  [undefined, { verdict: "closed-by-peer" }],
];

describe("a Close from the peer", () => {
  it.each(codes)("with %s is echoed, and its code decides how the client ends", async (code, ending) => {
    const { verdict, isOrderly = false } = ending;
    const { client, ws, peer } = await scene.open();
    const running = ws.run().then(
      () => "resolved",
      (error: unknown) => error,
    );
    const received: Message[] = [];
    const reading = (async () => {
      for await (const message of ws) received.push(message);
      return "ended";
    })().catch((error: unknown) => error);
    const reason = code === undefined ? "" : "the reason ü";
    peer.send(textFrame("last words"), closeFrame(code, reason));
    expect(await peer.untilClose()).toEqual({ code, reason: "" });
    await peer.untilEnd();
    peer.end();
    const { report } = await client.event("closed");

    const recorded = code ?? 1005;
    expect(report).toMatchObject({
      verdict,
      isRetryable: true,
      initiatedBy: "peer",
      phase: "closing",
      wasClean: true,
    });
    expect(report).toMatchObject({ codeSent: recorded, codeReceived: recorded, reason, error: undefined });
    expect(report.advice).not.toBe("");
    expect(Object.isFrozen(report)).toBe(true);
    expect(received).toEqual(["last words"]);
    expect(client.all("closing")).toEqual([{ code: recorded, reason, initiatedBy: "peer" }]);
    const end = isOrderly ? ["to closed", "closed"] : ["error!", "to failed", "closed"];
    expect(client.story.slice(4)).toEqual([
      "to disconnecting",
      "closing",
      "to disconnected",
      "disconnected",
      ...end,
    ]);
    if (isOrderly) {
      expect([await running, await reading]).toEqual(["resolved", "ended"]);
    } else {
      expect(await running).toBeInstanceOf(CloseError);
      expect(await running).toMatchObject({ report });
      expect(await reading).toBe(await running);
      expect(client.fatalError).toBe(await running);
    }
    await expect(ws.recv()).rejects.toBeInstanceOf(CloseError);
  });
});

describe("close()", () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])(
    "sends the code %i",
    async (code) => {
      const { client, ws, peer } = await scene.open();
      const running = ws.run();
      const closing = ws.close(code, "why");
      expect(await peer.untilClose()).toEqual({ code, reason: "why" });
      peer.send(closeFrame(code));
      await peer.untilEnd();
      peer.end();
      await Promise.all([closing, running]);
      const { report } = await client.event("closed");
      expect(report).toMatchObject({
        verdict: "closed-by-us",
        codeSent: code,
        codeReceived: code,
        reason: "why",
      });
      expect(report).toMatchObject({ initiatedBy: "us", wasClean: true, isRetryable: false });
    },
  );

  it("delivers messages that arrive before the peer's Close", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    const closing = ws.close();
    await peer.untilClose();
    peer.send(textFrame("on its way"), closeFrame(1000), textFrame("never"));
    peer.endWithClient();
    await closing;
    expect(handled).toEqual(["on its way"]);
  });

  it("before the first connect() ends the client without a connection", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    await client.ws.close();
    expect(client.story).toEqual(["to closed", "closed"]);
    expect((await client.event("closed")).report).toMatchObject({
      verdict: "closed-by-us",
      phase: "provider",
    });
    await expect(client.ws.connect()).rejects.toBeInstanceOf(InvalidStateError);
    await client.ws.run();
    await expect(client.ws.recv()).rejects.toBeInstanceOf(CloseError);
    expect(server.connectionCount).toBe(0);
  });

  it("ends readers after the buffered messages", async () => {
    const { ws, peer } = await scene.open();
    peer.send(textFrame("1"), textFrame("2"));
    await scene.untilRead(scene.readSize + textFrame("1").length * 2);
    const closing = ws.close();
    await peer.untilClose();
    peer.endWithClient();
    peer.send(closeFrame(1000));
    await closing;
    expect(await ws.recv()).toBe("1");
    const rest: Message[] = [];
    for await (const message of ws) rest.push(message);
    expect(rest).toEqual(["2"]);
  });
});

describe("terminate()", () => {
  it("ends at once without a Close; buffered messages are reported as dropped", async () => {
    const { client, ws, peer } = await scene.open();
    const size = scene.readSize;
    peer.send(textFrame("1"), textFrame("2"));
    await scene.untilRead(size + textFrame("1").length * 2);
    ws.sendRaw("unsent").catch(() => undefined);
    ws.terminate();
    const receiving = ws.recv();
    await expect(receiving).rejects.toBeInstanceOf(CloseError);
    await client.event("closed");
    peer.endWithClient();
    await peer.untilGone();
    expect(peer.waitingFrames.filter(({ opcode }) => opcode === opcodes.close)).toEqual([]);
    const dropped = client.all("dropped").map(({ direction, message, cause }) => [direction, message, cause]);
    expect(dropped).toContainEqual(["in", "1", "closed"]);
    expect(dropped).toContainEqual(["in", "2", "closed"]);
    expect((await client.event("closed")).report).toMatchObject({
      verdict: "closed-by-us",
      codeSent: undefined,
    });
    await ws.run();
    ws.terminate();
    expect(client.all("closed")).toHaveLength(1);
  });
});

describe("run()", () => {
  it("connects when idle, resolves at the end, and all calls share one connection", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const running = [client.ws.run(), client.ws.run()];
    const peer = await server.client();
    await peer.accept();
    await client.event("connected");
    running.push(client.ws.run());
    peer.send(closeFrame(1000));
    peer.endWithClient();
    await Promise.all(running);
    await client.ws.run();
    expect(client.all("connected")).toHaveLength(1);
  });

  it("rejects with the error that ended the client", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const running = client.ws.run();
    const peer = await server.client();
    await peer.accept();
    peer.send(closeFrame(4000, "go away"));
    peer.endWithClient();
    await expect(running).rejects.toBeInstanceOf(CloseError);
  });

  it("connects again after a failure", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const first = client.ws.run();
    const failing = await server.client();
    await failing.accept();
    await client.event("connected");
    failing.reset();
    await expect(first).rejects.toMatchObject({ phase: "open" });
    const second = client.ws.run();
    const peer = await server.client();
    await peer.accept({ followedBy: [closeFrame(1000)] });
    peer.endWithClient();
    await second;
    expect(client.ws.stats()).toMatchObject({ connectCount: 2 });
  });
});

describe("connect() after a failure", () => {
  it("keeps the unread messages and the listeners of the first run", async () => {
    const server = await scene.listen();
    const { client, ws, peer } = await scene.open({}, { server });
    const size = scene.readSize;
    peer.send(textFrame("left over"));
    await scene.untilRead(size + textFrame("left over").length);
    peer.reset();
    await client.event("closed");
    const connecting = ws.connect();
    const next = (await server.client()).endWithClient();
    await next.accept({ followedBy: [textFrame("new")] });
    await connecting;
    expect([await ws.recv(), await ws.recv()]).toEqual(["left over", "new"]);
    expect(client.all("connected")).toHaveLength(2);
  });
});

describe("await using", () => {
  it("closes with 1000 at the end of the scope", async () => {
    const server = await scene.listen();
    const peering = server.client().then(async (peer) => {
      await peer.accept();
      const close = await peer.untilClose();
      peer.send(closeFrame(1000));
      peer.endWithClient();
      await peer.untilGone();
      return close;
    });
    let state: string;
    {
      await using ws = await connect(server.url, { runtime: scene.counting.runtime });
      ({ state } = ws);
    }
    expect(state).toBe("connected");
    expect(await peering).toEqual({ code: 1000, reason: "" });
  });
});

describe("stats()", () => {
  it("counts messages, payload bytes and wire bytes", async () => {
    const { ws, peer } = await scene.open();
    const size = scene.readSize;
    const frames = [textFrame("12345"), textFrame("é")];
    peer.send(...frames);
    await scene.untilRead(size + frames[0]!.length + frames[1]!.length);
    await ws.sendRaw("abc");
    await ws.sendRaw(Buffer.alloc(200));
    await ws.flush();
    expect(ws.stats()).toMatchObject({
      messagesSent: 2,
      messagesReceived: 2,
      payloadBytesReceived: 7,
      bytesReceived: frames[0]!.length + frames[1]!.length,
      bytesSent: 6 + 3 + 8 + 200,
      messagesWaiting: 2,
      messagesDropped: 0,
      bufferedAmount: 0,
      connectCount: 1,
    });
    expect(Object.isFrozen(ws.stats())).toBe(true);
    ws.terminate();
    await peer.until(() => peer.hasEnded || peer.isGone);
    expect(ws.stats()).toMatchObject({ messagesSent: 2, bytesSent: 6 + 3 + 8 + 200, uptimeMs: 0 });
  });
});
