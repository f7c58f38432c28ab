// The extension permessage-deflate (RFC 7692): negotiates its parameters for a client or a server, and applies it to
// messages. It does not compress itself; the codecs do.
import { Buffer } from "node:buffer";
import { HandshakeError } from "../../errors.js";
import { ownOptions } from "../../own-options.js";
import type {
  CodecFactory,
  Deflater,
  DeflaterOptions,
  InflatedSink,
  Inflater,
  InflaterOptions,
} from "./codec.js";
import {
  checkDeflateOptions,
  deflateExtensionName,
  type DeflateOptions,
  type DeflateParameters,
  type DirectionParameters,
  maxWindowBits,
  parseDeflateParameters,
  type WindowBits,
  windowBitsOf,
  writeDeflateParameters,
} from "./deflate-parameters.js";
import type {
  AgreedExtension,
  ExtensionAcceptor,
  ExtensionOffer,
  ExtensionParameter,
  MessageExtension,
} from "../extension.js";

export type { DeflateOptions } from "./deflate-parameters.js";

/** zlib's default values. */
const defaultLevel = -1;
const defaultMemLevel = 8;

/**
 * Creates the client's offer of permessage-deflate (RFC 7692) for `ClientHandshake`.
 *
 * The offer always contains `client_max_window_bits`, so the server may request a smaller window. The value of the
 * parameter is the option `windowBits`, if that option is set. The server's answer must accept `peerWindowBits` and
 * `peerNoContextTakeover`, if these options are set.
 *
 * @param given - See {@link DeflateOptions}. Use `{}` for the defaults.
 * @throws TypeError or RangeError for an invalid option. The message contains its name and value.
 */
export function deflateOffer(given: DeflateOptions): ExtensionOffer {
  const options = ownOptions(given);
  checkDeflateOptions(options);
  const { own, peer } = directionsOf(options);
  const offered: DeflateParameters = {
    server: peer,
    client: { ...own, maxWindowBits: own.maxWindowBits ?? true },
  };
  return {
    name: deflateExtensionName,
    header: writeDeflateParameters(offered),
    agree(parameters): AgreedExtension {
      const answered = readAnswer(parameters, offered);
      const client = stricter(offered.client, answered.client);
      return agreedExtension(answered, client, answered.server, options);
    },
  };
}

/**
 * Creates the server's side of permessage-deflate (RFC 7692), which answers offers for `ServerHandshake`.
 *
 * It declines an invalid offer. If `peerWindowBits` is set, it also declines an offer that does not support a limit.
 *
 * @param given - See {@link DeflateOptions}. Use `{}` for the defaults.
 * @throws TypeError or RangeError for an invalid option. The message contains its name and value.
 */
export function deflateAcceptor(given: DeflateOptions): ExtensionAcceptor {
  const options = ownOptions(given);
  checkDeflateOptions(options);
  return {
    name: deflateExtensionName,
    accept(parameters): AgreedExtension | undefined {
      const offered = parseDeflateParameters(parameters, "offer");
      const answer = typeof offered === "string" ? undefined : answerTo(offered, options);
      return answer && agreedExtension(answer, answer.server, answer.client, options);
    },
  };
}

function readAnswer(answer: readonly ExtensionParameter[], offered: DeflateParameters): DeflateParameters {
  const answered = parseDeflateParameters(answer, "answer");
  if (typeof answered === "string") throw mismatch(answered);
  const { server, client } = answered;
  // RFC 7692 7.1.1.1: a server that accepts server_no_context_takeover includes it in its answer.
  if (offered.server.noContextTakeover && !server.noContextTakeover) {
    throw mismatch("server_no_context_takeover was requested but is missing");
  }
  // RFC 7692 7.1.2.1: the server answers a requested limit with the same limit or a smaller limit.
  checkWindowBits("server_max_window_bits", server.maxWindowBits, offered.server.maxWindowBits);
  if (server.maxWindowBits === undefined && offered.server.maxWindowBits !== undefined) {
    throw mismatch("server_max_window_bits was requested but is missing");
  }
  // RFC 7692 7.1.2.2: the server may omit client_max_window_bits, or it answers the same limit or a smaller limit.
  checkWindowBits("client_max_window_bits", client.maxWindowBits, offered.client.maxWindowBits);
  return answered;
}

function checkWindowBits(name: string, answered: WindowBits, offered: WindowBits): void {
  if (answered === undefined || windowBitsOf(answered) <= windowBitsOf(offered)) return;
  throw mismatch(`${name}=${answered} exceeds the offered ${windowBitsOf(offered)}`);
}

function mismatch(fault: string): HandshakeError {
  return new HandshakeError(
    `The server's answer for ${deflateExtensionName} does not match the offer: ${fault}. Fix the server or connect without compression.`,
    { code: "EXTENSION_MISMATCH" },
  );
}

function answerTo(offered: DeflateParameters, options: DeflateOptions): DeflateParameters | undefined {
  const { own, peer } = directionsOf(options);
  const server = stricter(offered.server, own);
  const client = stricter(offered.client, peer);
  // RFC 7692 7.1.2.2: a server may only limit a client that has offered client_max_window_bits.
  if (offered.client.maxWindowBits === undefined && isLimit(client.maxWindowBits)) return undefined;
  return {
    // RFC 7692 7.1.2.1: if the offer contains server_max_window_bits, the answer contains this parameter, too.
    server: offered.server.maxWindowBits === undefined ? withoutIdleLimit(server) : server,
    client: withoutIdleLimit(client),
  };
}

/** Returns the parameters that the options set: `own` for sent messages, and `peer` for received messages. */
function directionsOf(options: DeflateOptions): { own: DirectionParameters; peer: DirectionParameters } {
  const { windowBits, peerWindowBits, noContextTakeover = false, peerNoContextTakeover = false } = options;
  return {
    own: { noContextTakeover, maxWindowBits: windowBits },
    peer: { noContextTakeover: peerNoContextTakeover, maxWindowBits: peerWindowBits },
  };
}

/** Returns parameters that satisfy the requirements of both arguments. */
function stricter(first: DirectionParameters, second: DirectionParameters): DirectionParameters {
  return {
    noContextTakeover: first.noContextTakeover || second.noContextTakeover,
    maxWindowBits: Math.min(windowBitsOf(first.maxWindowBits), windowBitsOf(second.maxWindowBits)),
  };
}

function isLimit(bits: WindowBits): boolean {
  return windowBitsOf(bits) < maxWindowBits;
}

function withoutIdleLimit(direction: DirectionParameters): DirectionParameters {
  return isLimit(direction.maxWindowBits) ? direction : { ...direction, maxWindowBits: undefined };
}

function agreedExtension(
  agreed: DeflateParameters,
  own: DirectionParameters,
  peer: DirectionParameters,
  { level = defaultLevel, memLevel = defaultMemLevel }: DeflateOptions,
): AgreedExtension {
  const header = writeDeflateParameters(agreed);
  const receiving = directionOptions(peer);
  const sending = { ...directionOptions(own), level, memLevel };
  return { header, open: ({ codecs }) => new PermessageDeflate(header, codecs, receiving, sending) };
}

function directionOptions(parameters: DirectionParameters): InflaterOptions {
  return {
    windowBits: windowBitsOf(parameters.maxWindowBits),
    keepsContext: !parameters.noContextTakeover,
  };
}

/** The extension on one connection. It creates the codec of a direction for the first message of that direction. */
class PermessageDeflate implements MessageExtension {
  readonly header: string;
  readonly #codecs: CodecFactory;
  readonly #receiving: InflaterOptions;
  readonly #sending: DeflaterOptions;
  #inflater: Inflater | undefined;
  #deflater: Deflater | undefined;
  /** `true` if a message was decoded since the last call of {@link releaseUnused}. */
  #hasDecoded = false;
  /** `true` if a message was encoded since the last call of {@link releaseUnused}. */
  #hasEncoded = false;

  constructor(header: string, codecs: CodecFactory, receiving: InflaterOptions, sending: DeflaterOptions) {
    this.header = header;
    this.#codecs = codecs;
    this.#receiving = receiving;
    this.#sending = sending;
  }

  maxEncodedSize(size: number): number {
    // zlib's function `deflateBound` computes this limit for any level, memLevel and strategy. The added 64 bytes are
    // for the end markers of blocks.
    return size + Math.ceil(size / 8) + Math.ceil(size / 256) + Math.ceil(size / 512) + 64;
  }

  decode(payload: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    return this.#decoder().inflate(payload, maxSize, isKept, sink);
  }

  decodePieces(pieces: readonly Uint8Array[], maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    const decoder = this.#decoder();
    if (decoder.inflatePieces !== undefined) return decoder.inflatePieces(pieces, maxSize, isKept, sink);
    return decoder.inflate(Buffer.concat(pieces), maxSize, isKept, sink);
  }

  #decoder(): Inflater {
    this.#hasDecoded = true;
    this.#inflater ??= this.#codecs.inflater(this.#receiving);
    return this.#inflater;
  }

  encode(payload: Uint8Array): Uint8Array {
    this.#hasEncoded = true;
    this.#deflater ??= this.#codecs.deflater(this.#sending);
    return this.#deflater.deflate(payload);
  }

  restartEncoding(): void {
    // RFC 7692 7.1.1: context takeover allows the sender to refer to earlier messages, but does not require it.
    this.#deflater?.close();
    this.#deflater = undefined;
  }

  releaseUnused(): void {
    // A codec without context is shared with other connections, so it is not released.
    if (!this.#hasDecoded && this.#receiving.keepsContext) this.#inflater?.rest();
    // A deflater uses 256 KiB of memory. The compression history of an idle connection is worth less than this memory.
    if (!this.#hasEncoded && this.#sending.keepsContext) this.restartEncoding();
    this.#hasDecoded = false;
    this.#hasEncoded = false;
  }

  close(): void {
    this.#inflater?.close();
    this.#deflater?.close();
  }
}
