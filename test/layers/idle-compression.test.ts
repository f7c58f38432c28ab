import { describe, expect, it } from "vitest";
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import { heartbeat } from "./heartbeats.js";
import { type RecordedClient, type Script, Stage } from "./stage.js";

const repeatedText = "What is said twice takes fewer bytes the second time. ".repeat(20);

/** Accepts compression, and echoes every message. */
const echoing: Script = async (connection) => {
  connection.accept({ compress: true });
  for await (const message of connection) connection.send(message);
};

async function echo(stage: Stage, { ws }: RecordedClient, message: string): Promise<unknown> {
  void ws.sendRaw(message);
  await stage.pass();
  return ws.recv();
}

/** The number of codecs with allocated native memory. */
function openCodecs(stage: Stage): number {
  return sharedResources(stage.runtime).codecs.openCount;
}

/** Waits for `count` pings of the heartbeat. */
async function waitForPings(stage: Stage, client: RecordedClient, count: number): Promise<void> {
  const { length } = client.all("pong");
  await stage.pass(count * heartbeat.interval);
  expect(client.all("pong").length).toBe(length + count);
}

describe("a connection with compression", () => {
  it("releases its memory after two pings without messages in between, and both directions continue", async () => {
    const stage = new Stage(echoing);
    const client = await stage.connect({ heartbeat });
    expect(client.ws.extensions).toContain("permessage-deflate");
    for (let round = 0; round < 3; round++) {
      expect(await echo(stage, client, `${repeatedText}${round}`)).toBe(`${repeatedText}${round}`);
      expect(openCodecs(stage)).toBe(2);
      await waitForPings(stage, client, 2);
      expect(openCodecs(stage)).toBe(1);
    }
    const { payloadBytesSent, bytesSent, payloadBytesReceived, bytesReceived } = client.ws.stats();
    expect(bytesSent).toBeLessThan(payloadBytesSent / 2);
    expect(bytesReceived).toBeLessThan(payloadBytesReceived / 2);
    await stage.finish();
  });

  it("keeps its history while a message arrives between any two pings", async () => {
    const stage = new Stage(echoing);
    const client = await stage.connect({ heartbeat });
    for (let round = 0; round < 5; round++) {
      expect(await echo(stage, client, repeatedText)).toBe(repeatedText);
      await waitForPings(stage, client, 1);
      expect(openCodecs(stage)).toBe(2);
    }
    await stage.finish();
  });

  it("keeps its history regardless of pings from the user", async () => {
    const stage = new Stage(echoing);
    const client = await stage.connect({ heartbeat: false });
    expect(await echo(stage, client, repeatedText)).toBe(repeatedText);
    for (let count = 0; count < 5; count++) {
      const latency = client.ws.ping();
      await stage.pass();
      expect(await latency).toBe(0);
    }
    expect(openCodecs(stage)).toBe(2);
    await stage.finish();
  });
});
