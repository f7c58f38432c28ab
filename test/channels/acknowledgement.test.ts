import { expect, it } from "vitest";
import { ackKey, readAcknowledgement } from "../../src/channels/acknowledgement.js";

const read = (result: unknown, name?: string): unknown => readAcknowledgement(result, () => name);
const accepted = { id: undefined, isRefused: false, reason: undefined };

it.each([[undefined], [null], [false]])("%j is no acknowledgement", (result) =>
  expect(read(result)).toBeUndefined(),
);

it.each<[unknown, unknown]>([
  ["a", { ...accepted, names: ["a"] }],
  [["a", "b"], { ...accepted, names: ["a", "b"] }],
  [{ channels: "a" }, { ...accepted, names: ["a"] }],
  [
    { id: 5, refused: null },
    { ...accepted, id: 5, names: undefined },
  ],
  [
    { id: 5, refused: false },
    { ...accepted, id: 5, names: undefined },
  ],
  [
    { id: 5, channels: ["a"], refused: "" },
    { id: 5, names: ["a"], isRefused: true, reason: "" },
  ],
  [
    { channels: ["a"], refused: { code: 1 } },
    { id: undefined, names: ["a"], isRefused: true, reason: { code: 1 } },
  ],
])("%j is read", (result, expected) => expect(read(result)).toEqual(expected));

it("true is that of the channel of the message, or of no particular channel", () => {
  expect([read(true, "a"), read(true)]).toEqual([
    { ...accepted, names: ["a"] },
    { ...accepted, names: undefined },
  ]);
});

it.each([
  [0],
  [5],
  [{}],
  [[1]],
  [{ id: "5" }],
  [{ channels: 5 }],
  [{ channels: [5] }],
  [{ refused: "x" }],
  [() => true],
])("%j is refused", (result) => expect(() => read(result)).toThrow(TypeError));

it("the key differs for other ids and names", () => {
  const keys = [undefined, 1, 2].flatMap((id) =>
    [undefined, [], ["a"], ["a", "b"], ["a b"]].map((names) =>
      ackKey({ id, names, isRefused: false, reason: undefined }),
    ),
  );
  expect(new Set(keys).size).toBe(keys.length);
});
