// Standard Schemas for tests, written by hand. They need no library.
import type { SchemaIssue, StandardSchema } from "../../src/options/options.js";

/** Returns a schema with this `validate`, which may also break the rules of Standard Schema. */
export function schemaOf<Output>(validate: (value: unknown) => unknown): StandardSchema<Output> {
  return { "~standard": { version: 1, vendor: "test", validate: validate as never } };
}

export interface Trade {
  readonly price: number;
}

export const issue: SchemaIssue = { message: "price is not a number", path: ["price"] };

/** Accepts `{ price: number }`, and removes all other properties. */
export const tradeSchema: StandardSchema<Trade> = schemaOf((value) => {
  const price: unknown =
    typeof value === "object" && value !== null && "price" in value ? value.price : undefined;
  return typeof price === "number" ? { value: { price } } : { issues: [issue] };
});
