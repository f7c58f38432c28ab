import { afterEach, describe, expect, it, vi } from "vitest";
import * as wasm from "../../protocol/wasm-module.js";
import type { Code, WasmInstance } from "../../protocol/wasm-module.js";

const { constant, get, i32, i64, loadVector, set, storeVector, v128 } = wasm;

function create(code: Code, locals: readonly number[] = []): WasmInstance {
  const instance = wasm.instantiate(1, { locals, code });
  if (instance === undefined) expect.unreachable("the module is invalid");
  return instance;
}

/** Runs code that pushes a 32-bit integer. */
function evaluate(code: Code, first = 0, second = 0, third = 0): number {
  return create(code).call(first, second, third);
}

const addressOfResult = 64;

/** Runs code that pushes a vector, with `vectors` in the memory from address 0. */
function evaluateVector(code: Code, ...vectors: readonly Uint8Array[]): Uint8Array {
  const { memory, call } = create([...storeVector(constant(addressOfResult), code), ...constant(0)]);
  for (const [index, vector] of vectors.entries()) new Uint8Array(memory).set(vector, index * 16);
  call(0, 0, 0);
  return new Uint8Array(memory.slice(addressOfResult, addressOfResult + 16));
}

/** Returns a vector whose byte at each index is `byteAt(index)`. */
function vectorOf(byteAt: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => byteAt(index));
}

/** Returns a vector whose eight units of 16 bits, in little-endian order, are `unitAt(index)`. */
function unitsOf(unitAt: (index: number) => number): Uint8Array {
  return vectorOf((index) => (unitAt(index >>> 1) >>> (index % 2 === 0 ? 0 : 8)) & 0xff);
}

describe("instantiate()", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([1, 2, 5])("creates a memory of %i pages that is initially zero", (pages) => {
    const { memory } = wasm.instantiate(pages, { locals: [], code: constant(0) })!;
    expect(memory.byteLength).toBe(pages * 64 * 1024);
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
  });

  it("encodes a number of pages that needs two bytes", () => {
    expect(wasm.instantiate(128, { locals: [], code: constant(0) })?.memory.byteLength).toBe(128 * 64 * 1024);
  });

  it("passes three parameters", () => {
    expect(evaluate(wasm.subtract(get(0), wasm.subtract(get(1), get(2))), 100, 20, 3)).toBe(83);
  });

  it("sets the local variables to zero at each call", () => {
    const { call } = create([...set(3, wasm.add(get(3), get(0))), ...get(3)], [i32]);
    expect([call(5, 0, 0), call(7, 0, 0)]).toEqual([5, 7]);
  });

  it("numbers the local variables of all types from 3", () => {
    const code = [
      ...set(3, constant(7)),
      ...set(4, wasm.widen32(constant(5))),
      ...set(5, wasm.splat8(constant(0x80))),
      ...wasm.add(get(3), wasm.add(wasm.lower32(get(4)), wasm.highBits(get(5)))),
    ];
    expect(create(code, [i32, i64, v128]).call(0, 0, 0)).toBe(7 + 5 + 0xffff);
  });

  it("gives each instance a memory of its own", () => {
    const code = [...wasm.store8(constant(0), get(0)), ...constant(0)];
    const [one, other] = [create(code), create(code)];
    one.call(1, 0, 0);
    other.call(2, 0, 0);
    expect([one, other].map(({ memory }) => new Uint8Array(memory)[0])).toEqual([1, 2]);
  });

  it.each([10, 100, 128, 200, 5_000])("encodes the size of a function with %i instructions", (count) => {
    const increment = set(3, wasm.add(get(3), constant(1)));
    const code = [...Array.from({ length: count }, () => increment).flat(), ...get(3)];
    expect(create(code, [i32]).call(0, 0, 0)).toBe(count);
  });

  it("throws on access beyond the memory", () => {
    const { call } = create(wasm.load32(get(0)));
    expect(call(64 * 1024 - 4, 0, 0)).toBe(0);
    expect(() => call(64 * 1024 - 3, 0, 0)).toThrow("out of bounds");
  });

  it("returns undefined without WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(wasm.instantiate(1, { locals: [], code: constant(0) })).toBeUndefined();
  });

  it("returns undefined if the engine does not support the code", () => {
    expect(wasm.instantiate(1, { locals: [], code: [0xff] })).toBeUndefined();
    expect(wasm.instantiate(1, { locals: [], code: [] })).toBeUndefined();
  });

  it("returns undefined if the memory is too large", () => {
    expect(wasm.instantiate(2 ** 16 + 1, { locals: [], code: constant(0) })).toBeUndefined();
  });
});

describe("numbers in the code", () => {
  it.each([
    ...[0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x1fff, 0x2000, 0xfffff, 0x100000, 0x7fffffff],
    ...[-1, -0x40, -0x41, -0x2000, -0x2001, -0x80000000],
  ])("a constant may be %i", (value) => {
    expect(evaluate(constant(value))).toBe(value);
  });

  it.each([0, 1, 127, 128, 16_383, 16_384, 65_532])("a memory offset may be %i", (offset) => {
    const value = 0x01020304;
    const code = [
      ...wasm.store32(constant(1), constant(value), offset - 1),
      ...wasm.load32(constant(0), offset),
    ];
    if (offset > 0) expect(evaluate(code)).toBe(value);
    expect(evaluate(wasm.load32(constant(0), offset))).toBe(0);
  });
});

describe("instructions for 32-bit integers", () => {
  const [one, other] = [get(0), get(1)];

  it.each([
    ["isZero", wasm.isZero(one), 0, 0, 1],
    ["isZero", wasm.isZero(one), -1, 0, 0],
    ["lessThan", wasm.lessThan(one, other), 1, 2, 1],
    ["lessThan", wasm.lessThan(one, other), 2, 2, 0],
    ["lessThan, unsigned", wasm.lessThan(one, other), -1, 2, 0],
    ["lessOrEqual", wasm.lessOrEqual(one, other), 2, 2, 1],
    ["lessOrEqual", wasm.lessOrEqual(one, other), 3, 2, 0],
    ["lessOrEqual, unsigned", wasm.lessOrEqual(one, other), -1, 2, 0],
    ["add", wasm.add(one, other), 0x7fffffff, 1, -0x80000000],
    ["subtract", wasm.subtract(one, other), 5, 7, -2],
    ["and", wasm.and(one, other), 0b1100, 0b1010, 0b1000],
    ["or", wasm.or(one, other), 0b1100, 0b1010, 0b1110],
    ["xor", wasm.xor(one, other), 0b1100, 0b1010, 0b0110],
    ["shiftLeft", wasm.shiftLeft(one, other), 3, 4, 48],
    ["shiftRight, unsigned", wasm.shiftRight(one, other), -1, 28, 15],
    ["rotateRight", wasm.rotateRight(one, other), 0x12345678, 8, 0x78123456],
    ["countBits", wasm.countBits(one), -1, 0, 32],
    ["countBits", wasm.countBits(one), 0b1011, 0, 3],
  ])("%s", (_, code, first, second, expected) => {
    expect(evaluate(code, first, second)).toBe(expected);
  });

  it("load and store one byte, unsigned, or four in little-endian order", () => {
    const code = [
      ...wasm.store8(constant(8), constant(0x1ff)),
      ...wasm.store32(constant(1), constant(0x04030201)),
      ...wasm.load8(constant(8)),
    ];
    const { memory, call } = create(code);
    expect(call(0, 0, 0)).toBe(0xff);
    expect([...new Uint8Array(memory, 0, 10)]).toEqual([0, 1, 2, 3, 4, 0, 0, 0, 0xff, 0]);
  });
});

describe("instructions for 64-bit integers", () => {
  it("load, shift, store and convert", () => {
    const code = [
      ...set(3, wasm.shiftRight64(wasm.load64(constant(0)), wasm.widen32(get(0)))),
      ...wasm.store64(constant(8), get(3)),
      ...wasm.lower32(get(3)),
    ];
    const { memory, call } = create(code, [i64]);
    const view = new DataView(memory);
    view.setBigUint64(0, 0xfedcba98_76543210n, true);
    expect(call(4, 0, 0)).toBe(0x8765_4321 | 0);
    expect(view.getBigUint64(8, true)).toBe(0x0fedcba9_87654321n);
  });

  it("widen without a sign", () => {
    const code = [...wasm.store64(constant(0), wasm.widen32(constant(-1))), ...constant(0)];
    const { memory, call } = create(code);
    call(0, 0, 0);
    expect(new DataView(memory).getBigUint64(0, true)).toBe(0xffff_ffffn);
  });
});

describe("instructions for vectors", () => {
  const a = vectorOf((index) => (index * 37 + 100) & 0xff);
  const b = vectorOf((index) => (index * 91 + 250) & 0xff);
  const mask = vectorOf((index) => (index * 53 + 15) & 0xff);
  const [one, other, third] = [
    loadVector(constant(0)),
    loadVector(constant(0), 16),
    loadVector(constant(32)),
  ];
  const unitAt = (vector: Uint8Array, index: number): number =>
    vector[index * 2]! | (vector[index * 2 + 1]! << 8);
  const signed = (byte: number): number => (byte << 24) >> 24;

  it.each<[string, Code, Uint8Array]>([
    ["loadVector", one, a],
    ["splat8", wasm.splat8(constant(0x1a5)), vectorOf(() => 0xa5)],
    ["splat32", wasm.splat32(constant(0x04030201)), vectorOf((index) => (index % 4) + 1)],
    [
      "greaterThanSigned8",
      wasm.greaterThanSigned8(one, other),
      vectorOf((index) => (signed(a[index]!) > signed(b[index]!) ? 0xff : 0)),
    ],
    [
      "atLeastUnsigned8",
      wasm.atLeastUnsigned8(one, other),
      vectorOf((index) => (a[index]! >= b[index]! ? 0xff : 0)),
    ],
    ["atLeastUnsigned8 of equal bytes", wasm.atLeastUnsigned8(one, one), vectorOf(() => 0xff)],
    ["maxUnsigned8", wasm.maxUnsigned8(one, other), vectorOf((index) => Math.max(a[index]!, b[index]!))],
    ["andVector", wasm.andVector(one, other), vectorOf((index) => a[index]! & b[index]!)],
    ["orVector", wasm.orVector(one, other), vectorOf((index) => a[index]! | b[index]!)],
    ["xorVector", wasm.xorVector(one, other), vectorOf((index) => a[index]! ^ b[index]!)],
    [
      "bitSelect",
      wasm.bitSelect(one, other, third),
      vectorOf((index) => (a[index]! & mask[index]!) | (b[index]! & ~mask[index]!)),
    ],
    ["widenLowerHalf", wasm.widenLowerHalf(one), unitsOf((index) => a[index]!)],
    ["widenUpperHalf", wasm.widenUpperHalf(one), unitsOf((index) => a[8 + index]!)],
    ["shiftLeft16", wasm.shiftLeft16(one, constant(3)), unitsOf((index) => unitAt(a, index) << 3)],
    ["shiftRight16", wasm.shiftRight16(one, constant(3)), unitsOf((index) => unitAt(a, index) >>> 3)],
    ["add16", wasm.add16(one, other), unitsOf((index) => unitAt(a, index) + unitAt(b, index))],
    [
      "interleaveLowerHalf",
      wasm.interleaveLowerHalf(one, other),
      unitsOf((index) => a[index]! | (b[index]! << 8)),
    ],
    [
      "interleaveUpperHalf",
      wasm.interleaveUpperHalf(one, other),
      unitsOf((index) => a[8 + index]! | (b[8 + index]! << 8)),
    ],
  ])("%s", (_, code, expected) => {
    expect(evaluateVector(code, a, b, mask)).toEqual(expected);
  });

  it("pickBytes selects bytes by index, and 0 for an index that does not exist", () => {
    const indexes = vectorOf((index) => [15, 0, 0, 16, 0xff, 7][index] ?? 1);
    const picked = vectorOf((index) => (indexes[index]! < 16 ? a[indexes[index]!]! : 0));
    expect(evaluateVector(wasm.pickBytes(one, other), a, indexes)).toEqual(picked);
  });

  it.each([
    ["no bit", [], 0],
    ["the first bit", [[0, 0x01]], 1],
    ["the last bit", [[15, 0x80]], 1],
  ] as const)("anyBit finds %s", (_, bytes, expected) => {
    const { memory, call } = create(wasm.anyBit(one));
    for (const [index, byte] of bytes) new Uint8Array(memory)[index] = byte;
    expect(call(0, 0, 0)).toBe(expected);
  });

  it("highBits assigns its lowest bit to the first byte", () => {
    const { memory, call } = create(wasm.highBits(one));
    new Uint8Array(memory).set([0x80, 0x7f, 0xff, 0x00], 0);
    new Uint8Array(memory)[15] = 0x80;
    expect(call(0, 0, 0)).toBe(0b1000_0000_0000_0101);
  });
});

describe("control flow", () => {
  const count = 3;
  const increment = set(count, wasm.add(get(count), constant(1)));
  const run = (code: Code, first: number): number =>
    create([...code, ...get(count)], [i32]).call(first, 0, 0);

  it.each([
    [0, 0],
    [1, 1],
    [-1, 1],
  ])("when() with the condition %i runs its code %i times", (condition, expected) => {
    expect(run(wasm.when(get(0), increment), condition)).toBe(expected);
  });

  it.each([
    [0, 20],
    [1, 10],
  ])("ifElse() with the condition %i sets %i", (condition, expected) => {
    const code = wasm.ifElse(get(0), set(count, constant(10)), set(count, constant(20)));
    expect(run(code, condition)).toBe(expected);
  });

  it.each([0, 1, 10])("whileTrue() checks its condition before each of %i passes", (passes) => {
    expect(run(wasm.whileTrue(wasm.lessThan(get(count), get(0)), increment), passes)).toBe(passes);
  });

  it("branch() leaves a block and continues a loop, by the number of enclosing levels", () => {
    // Counts to 4, and adds 100 only if the outer block was not left.
    const body = [...increment, ...wasm.branchIf(wasm.isZero(wasm.lessThan(get(count), constant(4))), 1)];
    const counting = wasm.loop([...body, ...wasm.branch(0)]);
    const code = wasm.block([...counting, ...set(count, constant(100))]);
    expect(run(code, 0)).toBe(4);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])("branchIf() with the condition %i runs the rest of its block %i times", (condition, expected) => {
    expect(run(wasm.block([...wasm.branchIf(get(0), 0), ...increment]), condition)).toBe(expected);
  });
});
