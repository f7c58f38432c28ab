// Compares ways to decode non-ASCII UTF-8. The WebAssembly module is that of the package. Only `TextDecoder` and the
// JavaScript decoder validate; the others need valid UTF-8, which `isUtf8` checks. The results differ between Nodes:
// `bench/node_modules/node-24/bin/node bench/ideas/utf8.mjs`
import { isAscii, isUtf8, transcode } from "node:buffer";
import { messagesOf } from "../payloads.mjs";
import { importInner } from "./built.mjs";
import { compare, repeat, sizeName } from "./harness.mjs";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const { WasmUtf8Decoder } = await importInner("WasmUtf8Decoder");
const wideDecoder = new WasmUtf8Decoder();
// The decoder uses WebAssembly only after enough text.
for (let count = 0; count < 256; count++) wideDecoder.decode(Buffer.alloc(4096, "\u044f"));
const units = new Uint16Array(64 * 1024);
const unitBytes = Buffer.from(units.buffer);

/** Writes UTF-16 to `units` and returns the number of units, or -1 if the bytes are not valid UTF-8. */
function decodeByHand(bytes, start, end) {
  let count = 0;
  let at = start;
  while (at < end) {
    const first = bytes[at];
    if (first < 0x80) {
      units[count++] = first;
      at++;
    } else if (first < 0xe0) {
      const second = bytes[at + 1];
      if (first < 0xc2 || (second & 0xc0) !== 0x80) return -1;
      units[count++] = ((first & 0x1f) << 6) | (second & 0x3f);
      at += 2;
    } else if (first < 0xf0) {
      const second = bytes[at + 1];
      const third = bytes[at + 2];
      const unit = ((first & 0xf) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
      const areContinued = (second & 0xc0) === 0x80 && (third & 0xc0) === 0x80;
      if (!areContinued || unit < 0x800 || (unit & 0xf800) === 0xd800) return -1;
      units[count++] = unit;
      at += 3;
    } else return -1; // Four-byte characters do not occur in these texts.
  }
  return at === end ? count : -1;
}

const rows = {};
const checks = {};
for (const size of [200, 1024, 4096, 64 * 1024]) {
  const start = 1000;
  const end = start + size;
  const [message] = messagesOf({ size, content: "words" });
  const read = Buffer.concat([Buffer.alloc(start), message, Buffer.alloc(start)]);
  const ways = {
    utf8Slice: () => read.utf8Slice(start, end),
    "transcode + ucs2Slice": () => {
      const utf16 = transcode(read.subarray(start, end), "utf8", "ucs2");
      return utf16.ucs2Slice(0, utf16.length);
    },
    TextDecoder: () => decoder.decode(read.subarray(start, end)),
    "JavaScript + ucs2Slice": () => unitBytes.ucs2Slice(0, 2 * decodeByHand(read, start, end)),
    "WebAssembly + ucs2Slice": () => wideDecoder.decode(read.subarray(start, end)),
  };
  for (const [name, decode] of Object.entries(ways)) {
    if (decode() !== message.toString()) throw new Error(`${name} gives another text`);
  }
  rows[sizeName(size)] = Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, repeat(way)]));
  const ascii = Buffer.alloc(size, "x");
  checks[sizeName(size)] = {
    isUtf8: repeat(() => isUtf8(read.subarray(start, end))),
    "isAscii, of ASCII": repeat(() => isAscii(ascii.subarray(0, size))),
    "isAscii, of this": repeat(() => isAscii(read.subarray(start, end))),
    "U+FFFD in the string": contains(message.toString()),
    "U+FFFD in ASCII": contains(ascii.latin1Slice()),
  };
}
await compare("A text decoded", rows);
await compare("A text checked", checks);

function contains(text) {
  return repeat(() => text.includes("\ufffd"));
}
