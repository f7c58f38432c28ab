// Sends every violation of violations.ts to a client, over TCP and TLS, for every way of reading.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/index.js";
import { type Read, ways } from "../support/reading.js";
import { type Message, Scene } from "../support/scene.js";
import { deflated, fragments, frame, opcodes, pingFrame, textFrame } from "../support/wire.js";
import { type Violation, violations } from "./violations.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const deflate = "Sec-WebSocket-Extensions: permessage-deflate";

/** The frames sent before the violation in the same segment. */
function preludeOf({ isCompressed = false }: Violation): Buffer[] {
  return [
    textFrame("one"),
    frame({ opcode: opcodes.binary, payload: Uint8Array.of(1, 2, 3) }),
    ...fragments(opcodes.text, ["t", "", "wo"]),
    pingFrame("are you there"),
    ...(isCompressed ? [textFrame(deflated("compressed"), { rsv1: true })] : []),
  ];
}

function messagesOf({ isCompressed = false }: Violation): Message[] {
  return ["one", Buffer.of(1, 2, 3), "two", ...(isCompressed ? ["compressed"] : [])];
}

const theStory = [
  ...["to connecting", "connecting", "to connected", "connected", "ping", "to disconnecting", "closing"],
  ...["to disconnected", "disconnected", "error!", "to failed", "closed"],
];

async function sendAndCheck(violation: Violation, read: Read, isWith101: boolean, isSecure = false) {
  const server = await scene.listen({ isSecure });
  const bytes = [...preludeOf(violation), ...violation.bytes, textFrame("never")];
  const fields = violation.isCompressed === true ? [deflate] : [];
  const tls = isSecure ? { tls: { ca: server.ca } } : {};
  const client = scene.watch(server.url, { ...violation.options, ...tls });
  const received: Message[] = [];
  const connected = client.ws.connect();
  const reading = read(client.ws, received);
  const peer = (await server.client()).endWithClient();
  await peer.accept({ fields, followedBy: isWith101 ? bytes : [] });
  await connected;
  if (!isWith101) peer.send(...bytes);

  const pong = await peer.frame();
  expect([pong.opcode, pong.payload.toString()]).toEqual([opcodes.pong, "are you there"]);
  expect(await peer.untilClose()).toEqual({ code: violation.closeCode, reason: "" });
  const error = await reading;
  await client.event("closed");

  expect(received).toEqual(messagesOf(violation));
  expect(error).toBeInstanceOf(ProtocolError);
  const { code, closeCode, verdict } = violation;
  expect(error).toMatchObject({ code, closeCode });
  expect(client.fatalError).toBe(error);
  expect(client.story).toEqual(theStory);
  expect(client.all("closing")).toEqual([{ code: closeCode, reason: "", initiatedBy: "us" }]);
  const { report } = await client.event("closed");
  expect(report).toMatchObject({ verdict, codeSent: closeCode, codeReceived: undefined, wasClean: false });
  expect(report).toMatchObject({ initiatedBy: "us", phase: "open", error });
  expect((error as ProtocolError).report).toBe(report);
  expect(client.ws.stats()).toMatchObject({ messagesReceived: received.length, messagesDropped: 0 });
  await peer.untilEnd();
}

describe.each(violations.map((violation) => [violation.name, violation] as const))(
  "%s",
  (_name, violation) => {
    it.each(ways)("fails the connection after the messages sent before it, read by %s", (_way, read) =>
      sendAndCheck(violation, read, false),
    );
    it.each(ways.slice(0, 1))("fails the connection if it arrives in the segment of the 101", (_way, read) =>
      sendAndCheck(violation, read, true),
    );
  },
);

describe("over TLS", () => {
  it.each(["opcode 3", "text with an invalid byte", "a bomb of 30 KB for 30 MB"])("%s", async (name) => {
    const violation = violations.find((one) => one.name === name)!;
    await sendAndCheck(violation, ways[0]![1], false, true);
  });
});

describe("a decompression bomb", () => {
  it("uses no memory beyond maxMessageSize", async () => {
    const violation = violations.find(({ name }) => name.startsWith("a bomb"))!;
    const { client, peer } = await scene.open({ maxMessageSize: 1024 * 1024 }, { fields: [deflate] });
    peer.endWithClient();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    client.ws.on("closing", () => (most = process.memoryUsage().arrayBuffers));
    peer.send(...violation.bytes);
    await client.event("closed");
    expect(most - before).toBeLessThan(4 * 1024 * 1024);
  });
});

describe("a peer that stays open after its violation", () => {
  it("has its further frames ignored, and the socket is destroyed after 1 s", async () => {
    scene = new Scene(true);
    const { client, peer } = await scene.open();
    peer.send(frame({ opcode: 3 }));
    expect(await peer.untilClose()).toEqual({ code: 1002, reason: "" });
    await peer.untilEnd();
    const size = scene.readSize;
    const flood = Buffer.concat(Array<Buffer>(100).fill(textFrame("never".repeat(1_000))));
    peer.send(flood);
    await scene.untilRead(size + flood.length);
    scene.clock.advance(999);
    expect(client.ws.state).toBe("disconnecting");
    scene.clock.advance(1);
    await client.event("closed");
    expect(client.fatalError).toMatchObject({ closeCode: 1002 });
    expect(client.ws.stats()).toMatchObject({ messagesReceived: 0, messagesWaiting: 0 });
    peer.end();
  });
});

describe("a message sent by the client before it fails the connection", () => {
  it("is written before the Close", async () => {
    const { ws, peer, client } = await scene.open();
    peer.endWithClient();
    client.ws.on("message", () => {
      void ws.sendRaw("the answer");
    });
    peer.send(textFrame("a question"), frame({ opcode: 3 }));
    expect(await peer.text()).toBe("the answer");
    expect(await peer.untilClose()).toEqual({ code: 1002, reason: "" });
    await client.event("closed");
  });
});

it("a listener of failing can send, and its message precedes the Close frame", async () => {
  const { client, ws, peer } = await scene.open();
  ws.on("failing", () => void ws.send("last"));
  peer.send(frame({ opcode: 3 }));
  peer.endWithClient();
  expect(await peer.text()).toBe("last");
  expect((await peer.untilClose()).code).toBe(1002);
  await client.event("closed");
});
