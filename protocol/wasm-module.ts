// An assembler for small WebAssembly modules with one function and one memory. It supports only the instructions that
// this package uses.

/** The bytes of instructions (WebAssembly core specification 5.4). Together they push at most one value. */
export type Code = readonly number[];

/** Returns the code of the operands, followed by the code of the instruction. */
export type Instruction = (...operands: readonly Code[]) => Code;

/** Returns the code of a memory access. The address need not be aligned, because the encoded alignment is a hint. */
export type Load = (address: Code, offset?: number) => Code;
export type Store = (address: Code, value: Code, offset?: number) => Code;

/** Encodes an unsigned number in LEB128: seven bits per byte. The lowest bits are first. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

function instruction(...opcode: number[]): Instruction {
  return (...operands) => ([] as number[]).concat(...operands, opcode);
}

function vectorInstruction(opcode: number): Instruction {
  return instruction(0xfd, ...unsigned(opcode));
}

function load(...opcode: number[]): Load {
  return (address, offset = 0) => [...address, ...opcode, 0, ...unsigned(offset)];
}

function store(...opcode: number[]): Store {
  return (address, value, offset = 0) => [...address, ...value, ...opcode, 0, ...unsigned(offset)];
}

export const get = (local: number): Code => [0x20, local];
export const set = (local: number, value: Code): Code => [...value, 0x21, local];
export const constant = (value: number): Code => [0x41, ...signed(value)];

/** Types of local variables: 32-bit integers, 64-bit integers and vectors. */
export const i32: number = 0x7f;
export const i64: number = 0x7e;
export const v128: number = 0x7b;

/** Instructions for unsigned 32-bit integers. */
export const load8: Load = load(0x2d);
export const store8: Store = store(0x3a);
export const load32: Load = load(0x28);
export const store32: Store = store(0x36);

export const isZero: Instruction = instruction(0x45);

export const lessThan: Instruction = instruction(0x49);
export const lessOrEqual: Instruction = instruction(0x4d);
export const add: Instruction = instruction(0x6a);
export const subtract: Instruction = instruction(0x6b);
export const and: Instruction = instruction(0x71);
export const or: Instruction = instruction(0x72);
export const xor: Instruction = instruction(0x73);
export const shiftLeft: Instruction = instruction(0x74);
export const shiftRight: Instruction = instruction(0x76);
export const rotateRight: Instruction = instruction(0x78);
/** `i32.popcnt`: counts the bits that are 1. */
export const countBits: Instruction = instruction(0x69);

/** Instructions for 64-bit integers. */
export const load64: Load = load(0x29);
export const store64: Store = store(0x37);
export const lower32: Instruction = instruction(0xa7);
export const widen32: Instruction = instruction(0xad);
export const shiftRight64: Instruction = instruction(0x88);

/** Instructions for vectors of 16 bytes. A vector has 16 lanes of 8 bits, 8 lanes of 16 bits or 4 lanes of 32 bits. */
export const loadVector: Load = load(0xfd, 0x00);
export const storeVector: Store = store(0xfd, 0x0b);
export const pickBytes: Instruction = vectorInstruction(0x0e);
export const splat8: Instruction = vectorInstruction(0x0f);
export const splat32: Instruction = vectorInstruction(0x11);
export const greaterThanSigned8: Instruction = vectorInstruction(0x27);
export const atLeastUnsigned8: Instruction = vectorInstruction(0x2c);
export const maxUnsigned8: Instruction = vectorInstruction(0x79);
export const andVector: Instruction = vectorInstruction(0x4e);
export const orVector: Instruction = vectorInstruction(0x50);
export const xorVector: Instruction = vectorInstruction(0x51);
/**
 * `v128.bitselect`: each bit of the third operand selects a bit of the result. 1 selects the bit of the first operand,
 * and 0 selects the bit of the second operand.
 */
export const bitSelect: Instruction = vectorInstruction(0x52);
export const anyBit: Instruction = vectorInstruction(0x53);
/** `i8x16.bitmask`: collects the highest bit of each byte. The lowest bit of the result belongs to the first byte. */
export const highBits: Instruction = vectorInstruction(0x64);
export const widenLowerHalf: Instruction = vectorInstruction(0x89);
export const widenUpperHalf: Instruction = vectorInstruction(0x8a);
export const shiftLeft16: Instruction = vectorInstruction(0x8b);
export const shiftRight16: Instruction = vectorInstruction(0x8d);
export const add16: Instruction = vectorInstruction(0x8e);

/** Returns an instruction that alternates eight bytes of the first vector with eight bytes of the second vector. */
function interleave(first: number): Instruction {
  const places = Array.from({ length: 8 }, (_, index) => [first + index, 16 + first + index]);
  return instruction(0xfd, 0x0d, ...places.flat());
}

export const interleaveLowerHalf: Instruction = interleave(0);
export const interleaveUpperHalf: Instruction = interleave(8);

const noResult = 0x40;

export const block = (body: Code): Code => [0x02, noResult, ...body, 0x0b];
export const loop = (body: Code): Code => [0x03, noResult, ...body, 0x0b];
export const when = (condition: Code, then: Code): Code => [...condition, 0x04, noResult, ...then, 0x0b];
export const ifElse = (condition: Code, then: Code, otherwise: Code): Code =>
  when(condition, [...then, 0x05, ...otherwise]);

/** Continues an enclosing loop or leaves an enclosing block. `depth` 0 is the innermost loop or block. */
export const branch = (depth: number): Code => [0x0c, depth];
export const branchIf = (condition: Code, depth: number): Code => [...condition, 0x0d, depth];

export const whileTrue = (condition: Code, body: Code): Code =>
  loop(when(condition, [...body, ...branch(1)]));

/** A function with three 32-bit parameters and a 32-bit result. */
export interface WasmFunction {
  /** Types of the local variables. The first local variable has index 3, because indexes 0 to 2 are parameters. */
  readonly locals: readonly number[];
  readonly code: Code;
}

export interface WasmInstance {
  readonly memory: ArrayBuffer;
  readonly call: (first: number, second: number, third: number) => number;
}

/** The used part of the WebAssembly API. TypeScript declares this API only for browsers. */
interface Assembly {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; readonly f: WasmInstance["call"] };
  };
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function moduleOf(pages: number, { locals, code }: WasmFunction): Uint8Array<ArrayBuffer> {
  const body = [locals.length, ...locals.flatMap((type) => [1, type]), ...code, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, i32, i32, i32, 1, i32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, ...unsigned(pages), ...unsigned(pages)]),
    // Two exports: the memory with the name "m", the function with the name "f".
    ...section(7, [2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/**
 * Creates an instance of a module with one function and a memory of its own. The memory is initially zero. It never
 * grows.
 *
 * @param pages - Size of the memory in pages of 64 KiB.
 * @returns `undefined` if this process has no WebAssembly, no support for vectors, or not enough address space.
 */
export function instantiate(pages: number, wasmFunction: WasmFunction): WasmInstance | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
    const { m, f } = new Instance(new Module(moduleOf(pages, wasmFunction))).exports;
    return { memory: m.buffer, call: f };
  } catch {
    return undefined;
  }
}
