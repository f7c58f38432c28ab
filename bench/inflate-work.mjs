// Measures how long hostile compressed messages block the event loop, with both codec backends. It does not compare
// with other libraries, and it is not part of `npm run bench`.
//
//   npm run build && node bench/inflate-work.mjs [dist/protocol.js]
import { deflateRawSync, constants } from "node:zlib";
import { randomBytes, randomFillSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const path = process.argv[2] ?? new URL("../dist/protocol.js", import.meta.url).pathname;
const { createCodecFactory, deflateOffer, ProtocolConnection, Resources } = await import(pathToFileURL(path));

const mebibyte = 1024 * 1024;

/** Repeats a pattern of bits, and ends with the header of an empty stored block (RFC 7692 7.2.1). */
function repeatBits(pattern, size) {
  const bytes = Buffer.alloc(pattern.length);
  for (let at = 0; at < 8 * pattern.length; at++)
    if (pattern[at % pattern.length] === "1") bytes[at >> 3] |= 1 << (at & 7);
  const count = Math.floor(size / bytes.length);
  return Buffer.concat([Buffer.alloc(count * bytes.length, bytes), Buffer.of(0)]);
}

const value = (number, count) => [...number.toString(2).padStart(count, "0")].reverse().join("");

/** The header of a dynamic block (RFC 1951 3.2.7) with the given code lengths. */
function dynamicHeader(literalLengths, distanceLengths) {
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  const items = [];
  const all = [...literalLengths, ...distanceLengths];
  for (let at = 0; at < all.length;) {
    let run = 1;
    while (at + run < all.length && all[at + run] === all[at]) run++;
    if (all[at] === 0 && run >= 11) {
      const count = Math.min(run, 138);
      items.push([18, value(count - 11, 7)]);
      at += count;
    } else if (all[at] !== 0 && run >= 4) {
      const count = Math.min(run - 1, 6);
      items.push([all[at], ""], [16, value(count - 3, 2)]);
      at += count + 1;
    } else {
      items.push([all[at], ""]);
      at++;
    }
  }
  const used = [...new Set(items.map(([symbol]) => symbol))].sort((a, b) => a - b);
  while (used.length < 2) used.push(used[0] + 1);
  // A complete prefix code: lengths 1, 2, 3, ... with the last two equal.
  const frequent = used.toSorted((a, b) => count(b) - count(a));
  function count(symbol) {
    return items.filter(([one]) => one === symbol).length;
  }
  const lengths = new Map(frequent.map((symbol, at) => [symbol, Math.min(at + 1, frequent.length - 1)]));
  if ([...lengths.values()].some((length) => length > 7)) throw new Error("too many symbols");
  const codes = canonical(lengths);
  const last = Math.max(...order.map((symbol, at) => (lengths.has(symbol) ? at : 0)));
  const codeCount = Math.max(4, last + 1);
  return (
    "001" +
    value(literalLengths.length - 257, 5) +
    value(distanceLengths.length - 1, 5) +
    value(codeCount - 4, 4) +
    order
      .slice(0, codeCount)
      .map((symbol) => value(lengths.get(symbol) ?? 0, 3))
      .join("") +
    items.map(([symbol, extra]) => codes.get(symbol) + extra).join("")
  );
}

function canonical(lengths) {
  const codes = new Map();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (const symbol of [...lengths.keys()].sort((a, b) => a - b)) {
      if (lengths.get(symbol) === length) codes.set(symbol, (code++).toString(2).padStart(length, "0"));
    }
    code <<= 1;
  }
  return codes;
}

/** An empty dynamic block whose literal codes are 1, 2, 3, ... `longest` bits long. */
function dynamicBlock(longest, suffix = "") {
  const literals = new Array(257).fill(0);
  for (let length = 1; length < longest; length++) literals[length - 1 + (suffix === "" ? 0 : 0)] = length;
  literals[longest - 1] = longest;
  literals[256] = longest;
  const header = dynamicHeader(literals, [1, 1]);
  const codes = canonical(
    new Map(literals.map((length, symbol) => [symbol, length]).filter(([, length]) => length > 0)),
  );
  return header + codes.get(256);
}

/** A dynamic block in which one match of 258 bytes follows one literal, so that much output is produced. */
function matchBlock() {
  const literals = new Array(286).fill(0);
  literals[0] = 2;
  literals[256] = 2;
  literals[285] = 1;
  const codes = canonical(
    new Map([
      [0, 2],
      [256, 2],
      [285, 1],
    ]),
  );
  return dynamicHeader(literals, [1, 1]) + codes.get(0) + codes.get(285) + "0" + codes.get(256);
}

const finals = (count) => Buffer.alloc(2 * count, Buffer.of(0x03, 0x00));
const fixedEmpty = "0100000000";
const storedEmpty = Buffer.of(0, 0, 0, 0xff, 0xff);
const storedOf = (size) => {
  const content = randomBytes(size);
  return deflateRawSync(content, { level: 0, finishFlush: constants.Z_SYNC_FLUSH });
};
const messageOf = (size) => storedOf(size).subarray(0, -4);
function finalEach(count, size) {
  return Buffer.concat(Array.from({ length: count }, () => deflateRawSync(randomBytes(size))));
}

/** name, the messages of one attack, window that is full before it */
const attacks = [
  ["65,000 final blocks in 130 KB, empty window", () => [finals(65_000)], 0],
  ["65,000 final blocks in 130 KB, full window", () => [finals(65_000)], 32_768],
  ["1,000 messages of 130 B with 65 final blocks, full window", () => Array(1_000).fill(finals(65)), 32_768],
  ["100,000 messages of 2 B with a final block, full window", () => Array(100_000).fill(finals(1)), 32_768],
  ["200 messages of 5,000 B of final blocks, full window", () => Array(200).fill(finals(2_500)), 32_768],
  ["25 messages of 40,000 B of final blocks, full window", () => Array(25).fill(finals(20_000)), 32_768],
  ["1 MB: final blocks of 1,000 random bytes", () => [finalEach(1_000, 1_000)], 32_768],
  ["1 MB of empty fixed blocks", () => [repeatBits(fixedEmpty, 1e6)], 0],
  ["1 MB of empty stored blocks", () => [Buffer.concat([Buffer.alloc(1e6, storedEmpty), Buffer.of(0)])], 0],
  ["60 MB of empty fixed blocks", () => [repeatBits(fixedEmpty, 60e6)], 0],
  ["60 MB of empty stored blocks", () => [Buffer.concat([Buffer.alloc(60e6, storedEmpty), Buffer.of(0)])], 0],
  [
    "60 MB of empty fixed blocks after 1 MB of data",
    () => [Buffer.concat([storedOf(mebibyte), repeatBits(fixedEmpty, 60e6)])],
    0,
  ],
  ...[1, 2, 5, 7].map((longest) => [
    `1 MB of empty dynamic blocks, codes of ${longest} bits`,
    () => [repeatBits(dynamicBlock(longest), 1e6)],
    0,
  ]),
  ["1 MB of dynamic blocks with a match of 258 bytes", () => [repeatBits(matchBlock(), 1e6)], 0],
  [
    "1 MB as 500 messages of empty dynamic blocks",
    () => Array(500).fill(repeatBits(dynamicBlock(5), 2_000)),
    0,
  ],
  [
    "1 MB as 33 messages of empty dynamic blocks",
    () => Array(33).fill(repeatBits(dynamicBlock(5), 30_000)),
    32_768,
  ],
  [
    "1 MB as 500 messages of dynamic blocks with a match",
    () => Array(500).fill(repeatBits(matchBlock(), 2_000)),
    0,
  ],
  ["60 MB of empty dynamic blocks", () => [repeatBits(dynamicBlock(5), 60e6)], 0],
  ["honest: 16 MB of random bytes, stored", () => [messageOf(16e6)], 0],
  [
    "honest: 1 MB, flushed after each of 100,000 bytes",
    () => [
      Buffer.concat([
        Buffer.alloc(1.1e6, Buffer.of(0, 1, 0, 0xfe, 0xff, 120, 0, 0, 0, 0xff, 0xff)),
        Buffer.of(0),
      ]),
    ],
    0,
  ],
];

function frame(payload) {
  const header = Buffer.alloc(10);
  header[0] = 0xc2;
  if (payload.length < 126) {
    header[1] = payload.length;
    return Buffer.concat([header.subarray(0, 2), payload]);
  }
  if (payload.length < 65536) {
    header[1] = 126;
    header.writeUInt16BE(payload.length, 2);
    return Buffer.concat([header.subarray(0, 4), payload]);
  }
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}

function measure(backend, messages, window, warm) {
  const resources = new Resources({ fillRandom: randomFillSync, codecs: createCodecFactory(backend) });
  const extension = deflateOffer({}).agree([]);
  let failure;
  const nothing = () => {};
  const handler = {
    onMessage: nothing,
    onPing: nothing,
    onPong: nothing,
    onClose: nothing,
    onEnd: nothing,
    onFailure: (error) => (failure = error),
  };
  const connection = new ProtocolConnection({ role: "client", handler, resources, extension });
  // Compiles the WebAssembly inflater.
  if (warm) for (let at = 0; at < 20; at++) connection.receive(frame(messageOf(30_000)));
  if (window > 0) connection.receive(frame(messageOf(window)));
  const bytes = Buffer.concat(messages.map(frame));
  const start = performance.now();
  for (let at = 0; at < bytes.length; at += mebibyte) connection.receive(bytes.subarray(at, at + mebibyte));
  const ms = performance.now() - start;
  connection.abandon();
  return { ms, failure };
}

const filter = process.argv[3] ?? "";
for (const [name, build, window] of attacks) {
  if (!name.includes(filter)) continue;
  const messages = build();
  const size = messages.reduce((sum, { length }) => sum + length, 0);
  for (const backend of ["handle", "dictionary"]) {
    for (const warm of backend === "handle" ? [false, true] : [true]) {
      const runs = Array.from({ length: size > 10e6 ? 1 : 3 }, () =>
        measure(backend, messages, window, warm),
      ).sort((a, b) => a.ms - b.ms);
      const { ms, failure } = runs[runs.length >> 1];
      const result = failure === undefined ? "accepted" : `${failure.code} ${failure.closeCode}`;
      console.log(
        `${name.padEnd(62)} ${backend.padEnd(10)} ${(warm ? "wasm" : "no wasm").padEnd(7)} ${ms.toFixed(1).padStart(8)} ms ${(ms / (size / 1e6)).toFixed(1).padStart(8)} ms/MB  ${result}`,
      );
    }
  }
}
