import { describe, expect, it } from "vitest";
import { type EventMap, nodeRuntime, WebSocket } from "../../src/index.js";
import { Member, type MemberHandler } from "../../src/pool/member.js";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { HostileServer } from "./hostile-server.js";
import { echoing, type Script } from "./scene.js";

class Recorder implements MemberHandler {
  readonly log: string[] = [];

  onGone(): void {
    this.log.push("gone");
  }
  onLateMessage(): void {
    this.log.push("late");
  }
  onSharedMessage(data: unknown): void {
    this.log.push(`shared ${String(data)}`);
  }
  onSharedDrop({ message }: EventMap<unknown>["dropped"]): void {
    this.log.push(`dropped ${String(message)}`);
  }
  onError(error: Error): void {
    this.log.push(error.message);
  }
}

async function open(script: Script = echoing) {
  const runtime = new VirtualRuntime({ server: new ScriptedServer({ onConnection: script }) });
  const recorder = new Recorder();
  const member = new Member(runtime, recorder);
  const client = new WebSocket("ws://pool.test/", { runtime, reconnect: false });
  const attempt = member.attempt(client);
  await runtime.advanceAsync(100);
  return { runtime, log: recorder.log, member, client, error: await attempt };
}

describe("Member", () => {
  it("returns the error of an attempt after the socket is closed, and can be used for another attempt", async () => {
    const { runtime, member, error, log } = await open((connection, n) =>
      n === 1 ? connection.reject(503) : connection.accept(),
    );
    expect([error, log, member.ended.aborted]).toMatchObject([{ statusCode: 503 }, [], false]);
    const attempt = member.attempt(new WebSocket("ws://pool.test/", { runtime, reconnect: false }));
    await runtime.advanceAsync(100);
    expect([await attempt, member.isUsable]).toEqual([undefined, true]);
    member.terminate();
    await runtime.advanceAsync(100);
    expect(log).toEqual(["gone"]);
  });

  it("routes messages: shared, late after the first lease, and waiting before it", async () => {
    const { runtime, member, client, log } = await open();
    const say = async (text: string): Promise<void> => {
      await client.send(text);
      await runtime.advanceAsync(100);
    };
    member.setUse("idle");
    await say("a");
    expect([log, client.stats().messagesWaiting]).toEqual([[], 1]);
    member.setUse("leased");
    expect(await client.recv()).toBe("a");
    member.setUse("shared");
    await say("b");
    member.setUse("idle");
    await say("c");
    member.setUse("checking");
    await say("d");
    expect([log, client.stats().messagesWaiting]).toEqual([["shared b", "late"], 1]);
    const drained = member.drain();
    await runtime.advanceAsync(0);
    await drained;
    expect([client.stats().messagesWaiting, client.listenerCount("message")]).toEqual([0, 0]);
    void member.close();
    await runtime.advanceAsync(100);
  });

  it("ends with the error of the connection, or with a PoolError after a closing handshake", async () => {
    const lost = await open((connection) => {
      connection.accept();
      connection.reset();
    });
    expect(lost.member.ended.reason).toMatchObject({ name: "ConnectionError" });
    const closed = await open();
    void closed.member.close(1001);
    expect(closed.member.use).toBe("closing");
    await closed.runtime.advanceAsync(100);
    await closed.member.gone;
    expect([closed.member.ended.aborted, closed.log]).toEqual([true, ["gone"]]);
  });

  it("has one timer, which does not fire after the end", async () => {
    const { runtime, member, log } = await open();
    member.setTimer(10, () => log.push("first"));
    member.setTimer(20, () => log.push("second"));
    await runtime.advanceAsync(50);
    member.setTimer(Infinity, () => log.push("never"));
    member.setTimer(10, () => log.push("ended"));
    void member.close();
    await runtime.advanceAsync(100);
    expect(log).toEqual(["second", "gone"]);
  });
});

it("is gone only after a server in the same process has seen the end of the socket", async () => {
  await using server = await new HostileServer(() => 1).listen();
  for (const end of ["close", "terminate"] as const)
    for (let n = 0; n < 20; n++) {
      const member = new Member(nodeRuntime, new Recorder());
      await member.attempt(new WebSocket(server.url, { reconnect: false }));
      expect(server.open).toBe(1);
      void member[end]();
      await member.gone;
      expect(server.open).toBe(0);
    }
});
