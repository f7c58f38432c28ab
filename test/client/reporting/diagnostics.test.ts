import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DebugLog, Diagnostics, diagnostics } from "../../../src/client/reporting/diagnostics.js";
import { Redactor } from "../../../src/redaction/redactor.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import { InvertingExtension } from "../../support/inverting-extension.js";
import { ProtocolEnd } from "../../support/protocol-end.js";
import { binaryFrame, fragments, frame, opcodes, textFrame } from "../../support/wire.js";

const client = { name: "of the test" };
const report = {
  verdict: "server-restart",
  phase: "open",
  codeSent: 1012,
  codeReceived: 1012,
  reason: "token=abc\nagain",
  error: undefined,
} as CloseReport;
const opened = {
  client,
  url: "wss://host/?token=abc&x=1",
  subprotocol: "v1",
  extensions: "permessage-deflate",
  connection: 2,
};

const names = ["open", "close", "reconnect", "ping", "frame"] as const;
let published: unknown[] = [];
const subscriber = (message: unknown, name: string | symbol): void => void published.push([name, message]);

function newLog(enabled: boolean): { readonly lines: string[]; readonly log: DebugLog } {
  const lines: string[] = [];
  const write = (format: string, ...parameters: unknown[]): void => {
    expect(format).toBe("%s");
    lines.push(parameters.join(" "));
  };
  return { lines, log: Object.assign(write, { enabled }) };
}

function receive(end: ProtocolEnd, bytes: Buffer): void {
  end.receive(bytes, 0, bytes.length);
}

beforeEach(() => {
  published = [];
});

describe("the channels", () => {
  const subscribeAll = (): void => names.forEach((name) => subscribe(`jetsocket:${name}`, subscriber));
  afterEach(() => names.forEach((name) => unsubscribe(`jetsocket:${name}`, subscriber)));

  it("publish the messages unchanged", () => {
    subscribeAll();
    diagnostics.open(opened);
    diagnostics.close({ client, report });
    diagnostics.reconnect({ client, attempt: 2, delayMs: 5, report });
    diagnostics.ping(client, 7);
    expect(published).toEqual([
      ["jetsocket:open", opened],
      ["jetsocket:close", { client, report }],
      ["jetsocket:reconnect", { client, attempt: 2, delayMs: 5, report }],
      ["jetsocket:ping", { client, latencyMs: 7 }],
    ]);
  });

  it("publish frames without their payloads, from the first read with a subscriber", () => {
    const observer = diagnostics.frameObserver(client);
    const end = new ProtocolEnd({ observer });
    expect(observer.isActive).toBe(false);
    receive(end, textFrame("early"));
    end.connection.text("early");
    subscribeAll();
    expect([observer.isActive, observer.excerptSize]).toEqual([true, 0]);
    receive(end, textFrame("late"));
    end.connection.binary(Buffer.alloc(300));
    unsubscribe("jetsocket:frame", subscriber);
    receive(end, textFrame("after"));
    end.connection.text("after");
    const plain = { client, isFinal: true, isCompressed: false };
    expect(published).toEqual([
      ["jetsocket:frame", { direction: "in", opcode: 1, ...plain, payloadSize: 4 }],
      ["jetsocket:frame", { direction: "out", opcode: 2, ...plain, payloadSize: 300 }],
    ]);
  });
});

describe("the log", () => {
  it("contains a line for each open, close and reconnect, without secrets", () => {
    const { lines, log } = newLog(true);
    const logging = new Diagnostics(log);
    logging.open(opened);
    logging.close({ client, report });
    const refused = {
      ...report,
      codeSent: undefined,
      codeReceived: undefined,
      reason: "",
      error: new Error("no"),
    };
    logging.close({ client: {}, report: refused as unknown as CloseReport });
    logging.reconnect({ client, attempt: 2, delayMs: 5, report });
    logging.ping(client, 7);
    expect(lines).toEqual([
      '#1 open connection=2 url="wss://host/?token=***&x=***" subprotocol="v1" extensions="permessage-deflate"',
      '#1 close verdict=server-restart phase=open sent=1012 received=1012 reason="token=***\\nagain" error=""',
      '#2 close verdict=server-restart phase=open sent=none received=none reason="" error="no"',
      "#1 reconnect attempt=2 delayMs=5 verdict=server-restart",
    ]);
  });

  it("hides secrets in binary payloads that are text, and shows at most 16 bytes of other payloads", () => {
    const { lines, log } = newLog(true);
    const end = new ProtocolEnd({ observer: new Diagnostics(log).frameObserver(client) });
    receive(end, binaryFrame(Buffer.from('{"token":"abc"}')));
    receive(end, binaryFrame(Buffer.from(`{"token":"${"é".repeat(60)}"}`)));
    receive(end, binaryFrame(Buffer.alloc(17, 0xff)));
    expect(lines).toEqual([
      '#1 in binary fin 15 bytes "{\\"token\\":***}"',
      '#1 in binary fin 132 bytes "{\\"token\\":***"...',
      `#1 in binary fin 17 bytes ${"ff".repeat(16)}...`,
    ]);
  });

  it("contains the header, the size and the beginning of each frame", () => {
    const { lines, log } = newLog(true);
    const observer = new Diagnostics(log).frameObserver(client);
    const end = new ProtocolEnd({
      observer,
      extension: new InvertingExtension(),
      compressionThreshold: 1000,
    });
    receive(end, textFrame('{"price":1,"token":"abc"}'));
    receive(end, textFrame(""));
    receive(end, textFrame(`{"token":"${"s".repeat(100)}"}`));
    receive(end, textFrame("x".repeat(63) + "é"));
    receive(end, textFrame("a\n\u001b[31m\u009b\u2028"));
    receive(end, binaryFrame(Buffer.alloc(70_000, 0xab)));
    for (const piece of fragments(opcodes.text, ['{"token":"ab', 'cd"}'])) receive(end, piece);
    receive(end, frame({ opcode: opcodes.ping, payload: "p" }));
    end.connection.text("token=abc", { compress: true });
    end.connection.close(4000, `cookie: ${"é".repeat(50)}`);
    expect(lines).toEqual([
      '#1 in text fin 25 bytes "{\\"price\\":1,\\"token\\":***}"',
      "#1 in text fin 0 bytes",
      '#1 in text fin 112 bytes "{\\"token\\":***"...',
      `#1 in text fin 65 bytes "${"x".repeat(63)}"...`,
      '#1 in text fin 12 bytes "a\\n\\u001b[31m\\u009b\\u2028"',
      `#1 in binary fin 70000 bytes ${"ab".repeat(16)}...`,
      '#1 in text 12 bytes "{\\"token\\":***"',
      "#1 in continuation fin 4 bytes",
      '#1 in ping fin 1 bytes "p"',
      '#1 out pong fin 1 bytes "p"',
      "#1 out text fin rsv1 9 bytes",
      '#1 out close fin 110 bytes 4000 "cookie: ***"...',
    ]);
  });

  it("hides a credential of the client of which the cut leaves only the start", () => {
    const { lines, log } = newLog(true);
    const redactor = new Redactor(undefined);
    redactor.learn(["correct horse"], {});
    const excerpt = Buffer.from("correct ho");
    const cut = { opcode: opcodes.text, isFinal: true, isCompressed: false, payloadSize: 100, excerpt };
    new Diagnostics(log).observeFrame({}, "in", cut, redactor);
    expect(lines).toEqual(['#1 in text fin 100 bytes "***"...']);
  });

  it("is not written when it is disabled", () => {
    const { lines, log } = newLog(false);
    const silent = new Diagnostics(log);
    const untouchable = new Proxy({} as CloseReport, {
      get: () => {
        throw new Error("The report must not be read.");
      },
    });
    silent.open(opened);
    silent.close({ client, report: untouchable });
    silent.reconnect({ client, attempt: 1, delayMs: 0, report: untouchable });
    silent.ping(client, 1);
    expect(silent.frameObserver(client).isActive).toBe(false);
    expect([lines, published]).toEqual([[], []]);
  });
});
