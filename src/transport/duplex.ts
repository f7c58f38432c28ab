import type { Duplex } from "node:stream";
import { nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "./transport-error.js";
import type { CreateConnection, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";

/** Takes the stream that the user's `createConnection` gives, at once or later. */
export function openDuplex(
  create: CreateConnection,
  target: TransportTarget,
  handler: TransportHandler,
): Transport {
  const controller = new AbortController();
  const { signal } = target;
  const follow = (): void => controller.abort(signal.reason);
  const unfollow = (): void => signal.removeEventListener("abort", follow);
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });

  const transport = new SocketTransport(handler, () => {
    unfollow();
    controller.abort();
  });
  void createStream(create, { url: target.url, signal: controller.signal }, transport).finally(unfollow);
  return transport;
}

async function createStream(
  create: CreateConnection,
  context: Parameters<CreateConnection>[0],
  transport: SocketTransport,
): Promise<void> {
  // Promises settle before the next tick, in which a stream may emit its first event.
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
      new TypeError(
        `createConnection gave ${nodeUtil().inspect(stream, { depth: 0 })} in the place of a Duplex`,
      ),
    );
    return;
  }
  if (transport.isDestroyed) {
    stream.on("error", () => undefined).destroy();
    return;
  }
  if (stream.destroyed || stream.readableEnded || stream.writableEnded) {
    transport.fail(new Error("createConnection gave a stream that is closed", { cause: stream.errored }));
    stream.on("error", () => undefined).destroy();
    return;
  }
  // Else Node would answer the peer's end with ours, before our Close is out.
  stream.allowHalfOpen = true;
  transport.attach(stream);
  openWhenReady(stream, transport);
}

/** A stream made by another copy of Node's streams is as good. */
function isDuplex(stream: unknown): stream is Duplex {
  if (typeof stream !== "object" || stream === null) return false;
  const methods = stream as Partial<Record<keyof Duplex, unknown>>;
  return [methods.on, methods.write, methods.end, methods.pause, methods.resume, methods.destroy].every(
    (method) => typeof method === "function",
  );
}

/** A TLS socket of Node's in the middle of its handshake. */
function isInTlsHandshake(stream: Duplex): boolean {
  const isSocket = stream instanceof nodeNet().Socket;
  return isSocket && "secureConnecting" in stream && stream.secureConnecting === true;
}

function openWhenReady(stream: Duplex, transport: SocketTransport): void {
  if (isInTlsHandshake(stream)) {
    transport.enter("tls");
    stream.once("secureConnect", () => transport.open());
  } else if (stream instanceof nodeNet().Socket && stream.connecting) {
    transport.enter("tcp");
    stream.once("connect", () => transport.open());
  } else {
    transport.open();
  }
}
