// Calls close(), terminate(), abort, connect() and throws inside a listener of each event and state.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EventName, State } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Message, type Options, Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { closeFrame, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await scene.finish();
});

interface Played {
  readonly client: RecordedClient;
  readonly received: Message[];
  /** The error that rejected the last recv(). */
  readonly error: unknown;
}

const controllers = new WeakMap<RecordedClient, AbortController>();

/** Sent after the 101 in the same segment: frames of several kinds, and more messages than the inbox can buffer. */
const burst = [
  pingFrame("are you there"),
  pongFrame("unasked"),
  textFrame("bad"),
  ...["1", "2", "3", "4", "5", "6"].map((text) => textFrame(text)),
];

/** More bytes than the kernel accepts in one write. */
const big = Buffer.alloc(8 * 1024 * 1024);

const options: Options = {
  buffer: 2,
  highWaterMark: 1_000,
  closeTimeout: 2_000,
  deserializer: (data) => {
    if (data === "bad") throw new Error("This one is bad.");
    return data;
  },
};

/** Answers pings and Closes, and closes when the big message arrives. Resolves when the connection has ended. */
async function answerAll(peer: PeerSocket): Promise<void> {
  peer.endWithClient();
  try {
    for (;;) {
      const { opcode, payload } = await peer.frame();
      if (opcode === opcodes.ping) peer.send(pongFrame(payload));
      if (opcode === opcodes.binary || opcode === opcodes.close) peer.send(closeFrame(4000, "that was all"));
    }
  } catch {
    await peer.untilGone();
  }
}

/** Runs one client in which every event occurs, unless `act` ends it early. */
async function play(act: (client: RecordedClient) => void): Promise<Played> {
  const server = await scene.listen();
  const controller = new AbortController();
  const client = scene.watch(server.url, { ...options, signal: controller.signal });
  controllers.set(client, controller);
  const { ws } = client;
  act(client);
  ws.on("connected", () => {
    void ws.sendRaw(big).catch(() => undefined);
    void ws.ping().catch(() => undefined);
  });
  const received: Message[] = [];
  const reading = (async () => {
    for (;;) received.push(await ws.recv());
  })().catch((error: unknown) => error);
  void ws.connect();
  const peering = server.client().then(async (peer) => {
    const answering = answerAll(peer);
    await peer.accept({ followedBy: burst }).catch(() => undefined);
    await answering;
  });
  peering.catch(() => undefined);
  await client.event("closed");
  await turns(2);
  const error = await Promise.race([reading, turns(2).then(() => "still pending")]);
  // An attempt that ends early does not reach the server.
  if (server.connectionCount > 0) await peering;
  return { client, received, error };
}

const events = [
  ...([
    "connecting",
    "connected",
    "stateChange",
    "ping",
    "pong",
    "dropped",
    "error",
    "paused",
    "resumed",
  ] as const),
  ...(["drain", "closing", "disconnected", "closed"] as const),
] satisfies EventName[];

const states = [
  "connecting",
  "connected",
  "disconnecting",
  "disconnected",
  "failed",
] as const satisfies State[];

/** Every event, and every state, in which a listener runs. */
const moments: [name: string, listen: (client: RecordedClient, listener: () => unknown) => void][] = [
  ...events.map((name): (typeof moments)[number] => [
    name,
    (client, listener) => client.ws.on(name, listener),
  ]),
  ...states.map((state): (typeof moments)[number] => [
    `stateChange to ${state}`,
    (client, listener) => client.ws.on("stateChange", ({ to }) => (to === state ? listener() : undefined)),
  ]),
  [
    "fatal error",
    (client, listener) => client.ws.on("error", ({ isFatal }) => (isFatal ? listener() : undefined)),
  ],
];

/** Runs one client in which a listener calls `act` on the first call only. */
async function playWith(
  [, listen]: (typeof moments)[number],
  act: (client: RecordedClient) => unknown,
): Promise<Played> {
  let count = 0;
  const played = await play((client) => listen(client, () => (count++ === 0 ? act(client) : undefined)));
  expect(count).toBeGreaterThan(0);
  expect(played.error).not.toBe("still pending");
  return played;
}

describe("a client without such a listener", () => {
  it("emits every event", async () => {
    const { client, received, error } = await play(() => undefined);
    expect(received).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(error).toBe(client.fatalError);
    for (const name of events) expect(client.story.concat("stateChange")).toContain(name);
    expect(client.ws.state).toBe("failed");
  });
});

/** The peer's Close has arrived, so that it decides how the client ends. */
const closedMoments = ["closing", "stateChange to disconnecting"];
/** The client has already ended. */
const lastMoments = ["closed", "stateChange to failed", "fatal error"];

describe.each(moments.map((moment) => [moment[0], moment] as const))(
  "inside a listener of %s",
  (name, moment) => {
    const isLast = lastMoments.includes(name);
    const isClosed = isLast || closedMoments.includes(name);

    it("close() ends the client as closed, unless the peer has closed before", async () => {
      let closing: Promise<void> | undefined;
      const { client } = await playWith(moment, ({ ws }) => void (closing = ws.close()));
      await closing;
      expect(client.ws.state).toBe(isClosed ? "failed" : "closed");
      if (!isClosed) expect(client.fatalError).toBeUndefined();
    });

    it("terminate() stops all events except those of the end", async () => {
      let before = { messagesReceived: -1, eventCount: -1 };
      const { client } = await playWith(moment, ({ ws, recorded }) => {
        ws.terminate();
        before = { ...ws.stats(), eventCount: recorded.length };
      });
      expect(client.ws.state).toBe(isLast ? "failed" : "closed");
      expect(client.ws.stats().messagesReceived).toBe(before.messagesReceived);
      const after = client.story.slice(before.eventCount);
      for (const late of ["ping", "pong", "paused", "drain"]) expect(after).not.toContain(late);
    });

    it("an abort ends the client with its reason", async () => {
      const reason = new Error("that is enough");
      const { client, error } = await playWith(moment, (one) => controllers.get(one)?.abort(reason));
      if (isLast) return;
      expect(client.ws.state).toBe("closed");
      expect(error).toBe(reason);
    });

    const faults: [how: string, fail: (fault: Error) => unknown][] = [
      [
        "throws",
        (fault) => {
          throw fault;
        },
      ],
      ["returns a promise that rejects", (fault) => Promise.reject(fault)],
    ];

    it.each(faults)("a listener that %s affects nothing else", async (_how, fail) => {
      const undisturbed = await play(() => undefined);
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
      const fault = new Error("a listener's own");
      const { client, received } = await playWith(moment, () => fail(fault));
      expect(received).toEqual(undisturbed.received);
      const recorded = client.all("error").filter(({ error }) => error === fault);
      const isOfError = name === "error" || name === "fatal error";
      expect(recorded).toEqual(isOfError ? [] : [{ error: fault, isFatal: false }]);
      expect(warn.mock.calls).toEqual(isOfError ? [[fault]] : []);
      const others = client.recorded.filter(({ event }) => !("error" in event && event.error === fault));
      expect(others.map((one) => one.name).sort()).toEqual(
        undisturbed.client.recorded.map((one) => one.name).sort(),
      );
      expect(client.ws.state).toBe("failed");
    });
  },
);

describe("connect()", () => {
  it.each(["closed", "stateChange"] as const)(
    "inside a listener of %s starts the client again",
    async (name) => {
      const server = await scene.listen();
      const client = scene.watch(server.url);
      const { ws } = client;
      let again: Promise<void> | undefined;
      ws.on(name, () => {
        if (ws.state === "failed") again ??= ws.connect();
      });
      void ws.connect();
      const refusing = await server.client();
      await refusing.request();
      refusing.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
      await client.event("closed");
      const peer = await server.client();
      await peer.accept({ followedBy: [textFrame("hello again")] });
      await again;
      expect(await ws.recv()).toBe("hello again");
      expect(ws.state).toBe("connected");
      const runs = client.story
        .map((one) => (one === "closed" ? "|" : one))
        .join(" ")
        .split("|");
      expect(runs).toHaveLength(2);
    },
  );
});
