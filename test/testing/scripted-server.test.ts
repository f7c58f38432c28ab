import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/errors.js";
import {
  ClientGoneError,
  frame,
  type ScriptedConnection,
  type ScriptedServerOptions,
} from "../../src/testing/index.js";
import { MemoryWorld, type PlainClient, SocketWorld, type World } from "./worlds.js";

type Script = ScriptedServerOptions["onConnection"];

describe.each([
  ["in memory", (): World => new MemoryWorld()],
  ["on a socket", (): World => new SocketWorld()],
])("a scripted server %s", (_, createWorld) => {
  let world: World;

  beforeEach(() => {
    world = createWorld();
  });

  afterEach(() => world.finish());

  const listen = (onConnection: Script, more: Partial<ScriptedServerOptions> = {}): Promise<void> =>
    world.listen({ onConnection, ...more });

  /** Opens a client of a server that accepts each connection and then runs `script`. */
  const openWith = async (script: Script, options?: Parameters<World["open"]>[0]): Promise<PlainClient> => {
    await listen((connection, n) => {
      connection.accept({ compress: true });
      return script(connection, n);
    });
    return world.open(options);
  };

  it("accepts a client and answers each message until the client closes", async () => {
    let request: unknown;
    let end: unknown;
    await listen(async (connection) => {
      const { resource, subprotocols } = connection.request;
      request = { resource, subprotocols };
      connection.accept({ subprotocol: "chat", headers: { "X-Shard": "7" } });
      for await (const message of connection) connection.send(message);
      end = await connection.closed;
    });
    const client = await world.open({ subprotocols: ["feed", "chat"] });
    expect(request).toEqual({ resource: "/", subprotocols: ["feed", "chat"] });
    expect(client.result).toMatchObject({ subprotocol: "chat" });
    expect(client.reads[0]!.toString()).toContain("X-Shard: 7");
    client.send("one", "two");
    await world.until(() => client.received.length === 2);
    expect(world.server.connections.map(({ isGone }) => isGone)).toEqual([false]);
    client.close(4000);
    await world.until(() => client.isClosed);
    await world.until(() => end !== undefined);
    expect(client.received).toEqual(["one", "two", { code: 4000, reason: "" }]);
    expect(end).toEqual({ code: 4000, reason: "" });
    expect([world.server.connections, world.server.connectionCount]).toEqual([[], 1]);
  });

  it("sends text, bytes, JSON, fragments, raw bytes, pings and pongs", async () => {
    const client = await openWith((connection) => {
      connection.send("text");
      connection.send(Buffer.from([1, 2]));
      connection.send({ n: 1 });
      connection.sendFragments(["in ", "three ", "pieces"]);
      connection.sendFragments([Buffer.from([1]), Buffer.from([2])]);
      connection.write(frame({ opcode: 1, payload: "raw" }));
      connection.write(frame({ opcode: 1, payload: "r".repeat(200) }));
      connection.write(frame({ opcode: 2, payload: Buffer.alloc(65_536) }));
      connection.ping("are you there");
      connection.pong();
    });
    await world.until(() => client.received.length === 10);
    expect(client.received).toEqual([
      ...["text", Buffer.from([1, 2]), '{"n":1}', "in three pieces", Buffer.from([1, 2]), "raw"],
      ...["r".repeat(200), Buffer.alloc(65_536), { ping: "are you there" }, { pong: "" }],
    ]);
  });

  it("splits its output into single bytes", async () => {
    await listen((connection) => {
      connection.splitBy(1);
      connection.accept();
      connection.send("abc");
    });
    const client = await world.open();
    await world.until(() => client.received.length === 1);
    expect(client.received).toEqual(["abc"]);
    if (world instanceof MemoryWorld)
      expect(new Set(client.reads.map(({ length }) => length))).toEqual(new Set([1]));
    else expect(client.reads.length).toBeGreaterThan(10);
  });

  it("sends a 101 response and frames in one write", async () => {
    await listen((connection) => {
      connection.inOneWrite(() => {
        connection.accept();
        connection.send("first");
        connection.send("second");
      });
    });
    const client = await world.open();
    expect(client.received).toEqual(["first", "second"]);
    expect(client.reads).toHaveLength(1);
  });

  it("waits by the clock of the runtime", async () => {
    const times: number[] = [];
    const client = await openWith(async (connection) => {
      times.push(world.runtime.now());
      await connection.delay(3);
      times.push(world.runtime.now());
      connection.send("late");
    });
    await world.until(() => client.received.length === 1);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(2);
  });

  it.each([
    [401, {}, undefined, undefined],
    [403, {}, undefined, undefined],
    [404, {}, undefined, undefined],
    [429, { "Retry-After": "3" }, "Retry-After", "3"],
    [503, [["Retry-After", "Fri, 01 Jan 2027 00:00:00 GMT"]], "Retry-After", "Fri, 01 Jan 2027 00:00:00 GMT"],
    [302, { Location: "ws://other.test/" }, "Location", "ws://other.test/"],
  ] as const)("rejects the handshake with status %i", async (status, headers, name, value) => {
    await listen((connection) => connection.reject(status, { headers, body: "no" }));
    const client = world.dial();
    await world.until(() => client.isClosed);
    expect(client.status).toBe(status);
    if (name !== undefined) expect(client.header(name)).toBe(value);
  });

  it("does not answer if the script does nothing", async () => {
    await listen(() => undefined);
    const client = world.dial();
    await world.until(() => world.server.connectionCount === 1);
    await world.settle();
    expect([client.reads, client.isClosed, client.hasEnded]).toEqual([[], false, false]);
  });

  it("answers an invalid request without the script", async () => {
    await listen(() => expect.unreachable());
    const client = world.dial();
    client.write = (bytes) => {
      client.transport.write(
        Buffer.from(Buffer.from(bytes).toString().replace("GET", "PUT")),
        () => undefined,
      );
    };
    await world.until(() => client.isClosed);
    expect(client.status).toBe(405);
  });

  it("resets the connection after the sent data", async () => {
    const client = await openWith((connection) => {
      connection.splitBy(2);
      connection.send("before");
      connection.reset();
      connection.send("after");
    });
    await world.until(() => client.isClosed);
    expect([client.received, client.hasEnded]).toEqual([["before"], false]);
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("resets the connection after a number of sent bytes", async () => {
    const client = await openWith((connection) => {
      connection.resetAfterSending(7);
      connection.send("abc");
      connection.send("def");
    });
    await world.until(() => client.isClosed);
    expect(client.received).toEqual(["abc"]);
    expect(Buffer.concat(client.reads).subarray(-7).toString("latin1")).toBe("\x81\x03abc\x81\x03");
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
  });

  it.each([0, 1])("resets the connection after %i received bytes, during the request", async (bytes) => {
    await listen(() => expect.unreachable(), {
      onOpen: (connection) => {
        expect(() => connection.request).toThrow("was not received yet");
        connection.resetAfterReceiving(bytes);
      },
    });
    const client = world.dial();
    await world.until(() => client.isClosed);
    expect([client.reads, client.hasEnded]).toEqual([[], false]);
  });

  it("resets the connection before it sends another byte", async () => {
    const client = await openWith((connection) => connection.resetAfterSending(0));
    await world.until(() => client.isClosed);
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("resets the connection after a number of received bytes, and delivers all messages before", async () => {
    const received: unknown[] = [];
    const client = await openWith(async (connection) => {
      connection.resetAfterReceiving(2 * (2 + 4 + 3) + 1);
      for await (const message of connection) received.push(message);
    });
    client.send("one", "two", "three");
    await world.until(() => client.isClosed);
    expect(received).toEqual(["one", "two"]);
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("is half-open: does not read, write or end the connection", async () => {
    let connection!: ScriptedConnection;
    const client = await openWith((opened) => {
      connection = opened;
    });
    connection.halfOpen();
    connection.send("lost");
    client.ping("hello?");
    client.close(1000);
    client.end();
    await world.settle();
    expect([client.received, client.isClosed, client.hasEnded, connection.isGone]).toEqual([
      [],
      false,
      false,
      false,
    ]);
  });

  it("is mute: reads, but does not answer a ping, a Close frame or an end of stream", async () => {
    const received: unknown[] = [];
    const client = await openWith(async (connection) => {
      connection.mute();
      for await (const message of connection) received.push(message);
      connection.ping("the script may");
    });
    client.ping("hello?");
    client.send("read");
    client.close(1000);
    client.end();
    await world.until(() => client.received.length === 1);
    await world.settle();
    expect(received).toEqual(["read"]);
    expect([client.received, client.hasEnded]).toEqual([[{ ping: "the script may" }], false]);
  });

  it("answers pings correctly, with a wrong payload, or never", async () => {
    let connection!: ScriptedConnection;
    const client = await openWith((opened) => {
      connection = opened;
    });
    client.ping("a");
    await world.until(() => client.received.length === 1);
    connection.answerPings("wrong");
    client.ping("b");
    await world.until(() => client.received.length === 2);
    connection.answerPings(false);
    client.ping("c");
    client.send("read");
    let read: unknown;
    void connection.receive().then((message) => (read = message));
    await world.until(() => read === "read");
    connection.answerPings(true);
    client.ping("d");
    await world.until(() => client.received.length === 3);
    expect(client.received).toEqual([{ pong: "a" }, { pong: "wrong" }, { pong: "d" }]);
  });

  it.each([
    ["any code", (one: ScriptedConnection) => one.close(4321, "bye"), { code: 4321, reason: "bye" }],
    ["no code", (one: ScriptedConnection) => one.close(), { code: 1005, reason: "" }],
  ])("closes with %s, and ends the stream after the client's answer", async (__, close, received) => {
    const ends: unknown[] = [];
    const client = await openWith(async (connection) => {
      close(connection);
      ends.push(await connection.closed);
    });
    await world.until(() => client.isClosed);
    await world.until(() => ends.length === 1);
    expect([client.received, client.error]).toEqual([[received], undefined]);
    expect(ends).toEqual([{ code: received.code, reason: "" }]);
  });

  it.each([
    ["an invalid code", (one: ScriptedConnection) => one.close(1005), 1002],
    ["a reason that is not UTF-8", (one: ScriptedConnection) => one.close(1000, Buffer.of(0xff)), 1007],
    ["a payload of one byte", (one: ScriptedConnection) => one.closeWith(Buffer.of(3)), 1002],
  ])("sends an invalid Close frame: %s", async (__, close, closeCode) => {
    const client = await openWith(close);
    await world.until(() => client.isClosed);
    expect(client.failure).toMatchObject({ closeCode });
  });

  it("ends the stream without a Close frame", async () => {
    const client = await openWith((connection) => {
      connection.send("last");
      connection.end();
      connection.end();
      connection.send("too late");
    });
    await world.until(() => client.isClosed);
    expect([client.received, client.hasEnded, client.error]).toEqual([["last"], true, undefined]);
  });

  it("sends a bomb: few bytes that inflate to more than the client accepts", async () => {
    const client = await openWith((connection) => connection.bomb(16 * 2 ** 20 + 5), { compress: true });
    await world.until(() => client.failure !== undefined);
    expect(client.failure).toMatchObject({ closeCode: 1009 });
    expect(Buffer.concat(client.reads).length).toBeLessThan(20_000);
  });

  it("sends a bomb of the requested size, and compresses messages on request", async () => {
    const client = await openWith(
      (connection) => {
        connection.send("x".repeat(1_000), { compress: true });
        connection.bomb(1_000_000);
      },
      { compress: true },
    );
    await world.until(() => client.received.length === 2);
    expect(client.received[0]).toBe("x".repeat(1_000));
    expect(Buffer.alloc(1_000_000).equals(client.received[1] as Buffer)).toBe(true);
    expect(Buffer.concat(client.reads).length).toBeLessThan(3_000);
  });

  it("throws for a bomb without compression, and for a message before accept()", async () => {
    const errors: unknown[] = [];
    await listen(
      (connection, n) => {
        if (n === 2) connection.accept({ compress: { noContextTakeover: true } });
        connection.bomb(1);
      },
      { onError: (error) => errors.push((error as Error).message) },
    );
    const clients = [world.dial(), world.dial()];
    await world.until(() => clients.every(({ isClosed }) => isClosed));
    expect(errors.sort()).toEqual([
      "Call accept() before you send.",
      "bomb() needs compression: call accept({ compress: true }), with a client that offers it.",
    ]);
  });

  it("stops reading, so that writes are refused, and reads again", async () => {
    let connection!: ScriptedConnection;
    const received: unknown[] = [];
    const client = await openWith(async (opened) => {
      connection = opened;
      for await (const message of opened) received.push((message as Buffer).length);
    });
    connection.stopReading();
    client.send("small");
    await world.settle();
    expect(received).toEqual([]);
    expect(client.refusedWrites).toBe(0);
    const size = world instanceof MemoryWorld ? 100_000 : 16 * 2 ** 20;
    client.send("x".repeat(size));
    expect(client.refusedWrites).toBeGreaterThan(0);
    connection.goOnReading();
    await world.until(() => received.length >= 1);
    expect(received[0]).toBe(5);
  });

  it("refuses connections while it is down", async () => {
    await listen((connection) => connection.accept());
    const before = await world.open();
    const { url } = world.server;
    world.server.goDown();
    const refused = world.dial();
    await world.until(() => refused.isClosed);
    expect(refused.error).toMatchObject({ code: "ECONNREFUSED" });
    expect(before.isClosed).toBe(false);
    await world.server.comeUp();
    await world.server.comeUp();
    expect(world.server.url).toBe(url);
    await world.open();
  });

  it("delivers the messages before the end, then rejects because the client is gone", async () => {
    const received: unknown[] = [];
    const client = await openWith(async (connection) => {
      await connection.closed;
      received.push(await connection.receiveJson());
      await connection.receive().catch((error: unknown) => received.push(error));
      connection.send("discarded");
    });
    client.send('{"n":1}');
    client.close(1000);
    await world.until(() => received.length === 2);
    expect(received).toEqual([{ n: 1 }, expect.any(ClientGoneError)]);
    expect(received[1]).toMatchObject({ name: "ClientGoneError", code: "CLIENT_GONE" });
  });

  it("reports a protocol violation of the client, and closes with the matching code", async () => {
    const errors: unknown[] = [];
    await listen(
      async (connection) => {
        connection.accept();
        for await (const message of connection) errors.push(message);
      },
      { onError: (error) => errors.push(error) },
    );
    const client = await world.open();
    client.write(frame({ opcode: 1, payload: "without a mask" }));
    await world.until(() => client.isClosed);
    expect(errors).toEqual([expect.any(ProtocolError)]);
    expect(client.received).toEqual([{ code: 1002, reason: "" }]);
  });

  it("ends the script when the client is gone or the server is closed", async () => {
    const ended: unknown[] = [];
    const client = await openWith(async (connection, n) => {
      if (n === 2) await connection.delay(3_600_000).finally(() => ended.push("delay"));
      await connection.receive().finally(() => ended.push("receive"));
    });
    client.transport.destroy();
    await world.until(() => ended.length === 1);
    await world.open();
    await world.server[Symbol.asyncDispose]();
    await world.until(() => ended.length === 2);
    expect(ended).toEqual(["receive", "delay"]);
  });

  it("serves several connections, each with its number", async () => {
    await listen(async (connection, n) => {
      connection.accept();
      const { subscribe } = (await connection.receiveJson()) as { subscribe: string };
      for (let message = 0; message < 3; message++) connection.send(`${subscribe} ${n}.${message}`);
      connection.reset();
    });
    for (const n of [1, 2]) {
      const client = await world.open();
      client.send('{"subscribe":"trades"}');
      await world.until(() => client.isClosed);
      expect(client.received).toEqual([0, 1, 2].map((message) => `trades ${n}.${message}`));
    }
  });
});
