// Compares ways to mask in place (RFC 6455 5.3), with increasing word sizes. The WebAssembly module is that of the
// package, which uses it after 1 MiB has been sent.
import { randomFillSync } from "node:crypto";
import bufferUtil from "bufferutil";
import { compare, repeat, sizeName } from "./harness.mjs";
import { importInner } from "./built.mjs";

const size = 1024 * 1024;
const own = Buffer.from(new ArrayBuffer(size + 64));
const int32s = new Int32Array(own.buffer);
const words = new BigUint64Array(own.buffer);
const doubledKey = new BigUint64Array(1);
const keyBytes = Buffer.from(doubledKey.buffer);
randomFillSync(keyBytes.subarray(0, 4));
keyBytes.copy(keyBytes, 4, 0, 4);
const key = keyBytes.readInt32LE();
const { createWideMemory } = await importInner("createWideMemory");
const { bytes: wideBytes, mask } = createWideMemory(size);
const inside = Buffer.from(wideBytes);
const outside = Buffer.alloc(size, 1);

function byBytes(end) {
  for (let at = 0; at < end; at++) own[at] ^= keyBytes[at & 3];
  return own[0];
}

function byInt32(end) {
  for (let at = 0; at < end >> 2; at++) int32s[at] ^= key;
  return own[0];
}

function byBigUint64(end) {
  const wide = doubledKey[0];
  for (let at = 0; at < end >> 3; at += 4) {
    words[at] ^= wide;
    words[at + 1] ^= wide;
    words[at + 2] ^= wide;
    words[at + 3] ^= wide;
  }
  return own[0];
}

const rows = {};
for (const end of [32, 128, 1024, 16 * 1024, 64 * 1024, size]) {
  const target = own.subarray(0, end);
  const mine = outside.subarray(0, end);
  rows[sizeName(end)] = {
    bytes: repeat(() => byBytes(end)),
    Int32: repeat(() => byInt32(end)),
    "BigUint64 x4": repeat(() => byBigUint64(end)),
    WebAssembly: repeat(() => mask(0, end, key)),
    "copied there": repeat(() => {
      inside.set(mine, 0);
      return mask(0, end, key);
    }),
    bufferutil: repeat(() => bufferUtil.mask(target, keyBytes, target, 0, end)),
  };
}
await compare("A payload masked", rows);
await compare("A masking key", {
  "": {
    "randomFillSync each": repeat(() => randomFillSync(keyBytes, 0, 4)),
    "out of a pool of 8 KiB": keysOfPool(),
  },
});

function keysOfPool() {
  const keys = new Int32Array(2048);
  return (times) => {
    let used = keys.length;
    let sum = 0;
    for (let count = 0; count < times; count++) {
      if (used === keys.length) {
        randomFillSync(keys);
        used = 0;
      }
      sum ^= keys[used++];
    }
    return sum;
  };
}
