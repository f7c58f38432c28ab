// A transport over a stream of the application (`createConnection`). It does not add TLS to the stream.
import type { Duplex } from "node:stream";
import { nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "../runtime/to-error.js";
import type { CreateConnection, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";

/** Opens a transport over the stream that `createConnection` returns, directly or as a promise. */
export function openDuplex(
  create: CreateConnection,
  target: TransportTarget,
  handler: TransportHandler,
): Transport {
  const controller = new AbortController();
  const signal = target.signal!;
  const abort = (): void => controller.abort(signal.reason);
  const removeListener = (): void => signal.removeEventListener("abort", abort);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });

  const transport = new SocketTransport(handler);
  transport.wait({
    stop: () => {
      removeListener();
      controller.abort();
    },
  });
  void createStream(create, { url: target.url, signal: controller.signal }, transport).finally(
    removeListener,
  );
  return transport;
}

async function createStream(
  create: CreateConnection,
  context: Parameters<CreateConnection>[0],
  transport: SocketTransport,
): Promise<void> {
  // `create` is called from a microtask, so that the listeners are attached before the first event. A stream may emit
  // its first event in a callback of `process.nextTick`. Node runs this callback after all pending microtasks, and one
  // of these microtasks attaches the listeners.
  await Promise.resolve();
  if (transport.isDestroyed) return;
  try {
    attachStream(await create(context), transport);
  } catch (reason) {
    transport.fail(toError(reason, "createConnection"));
  }
}

function attachStream(stream: unknown, transport: SocketTransport): void {
  if (!isDuplex(stream)) {
    transport.fail(
      new TypeError(`createConnection must return a Duplex, got ${nodeUtil().inspect(stream, { depth: 0 })}`),
    );
    return;
  }
  const isOver = stream.destroyed || stream.readableEnded || stream.writableEnded;
  if (isOver || transport.isDestroyed) {
    transport.fail(new Error("createConnection returned a stream that is closed", { cause: stream.errored }));
    stream.on("error", () => undefined).destroy();
    return;
  }
  // By default Node ends our side when the peer ends its side, even if our Close frame is not written yet.
  stream.allowHalfOpen = true;
  transport.attach(stream);
  openWhenReady(stream, transport);
}

/** Checks the methods instead of the class, because a stream from another copy of Node's streams works too. */
function isDuplex(stream: unknown): stream is Duplex {
  if (typeof stream !== "object" || stream === null) return false;
  const methods = stream as Partial<Record<keyof Duplex, unknown>>;
  return [methods.on, methods.write, methods.end, methods.pause, methods.resume, methods.destroy].every(
    (method) => typeof method === "function",
  );
}

function openWhenReady(stream: Duplex, transport: SocketTransport): void {
  const isSocket = stream instanceof nodeNet().Socket;
  // `secureConnecting` is `true` for a TLS socket of Node during its handshake.
  if (isSocket && "secureConnecting" in stream && stream.secureConnecting === true) {
    transport.enter("tls");
    stream.once("secureConnect", () => transport.open());
  } else if (isSocket && stream.connecting) {
    transport.enter("tcp");
    stream.once("connect", () => transport.open());
  } else {
    transport.open();
  }
}
