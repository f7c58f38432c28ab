// The same schema in three libraries: a trade with a symbol and a price, which is converted from text to a number.
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";

export const zodSchema = z.object({ symbol: z.string(), price: z.coerce.number() });

export const valibotSchema = v.object({
  symbol: v.string(),
  price: v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.number()),
});

export const arktypeSchema = type({ symbol: "string", price: "number | string.numeric.parse" });

/** Schemas whose `validate` returns a promise. arktype has no such schemas. */
export const asyncSchemas = {
  zod: z.string().refine(async () => true),
  valibot: v.pipeAsync(
    v.string(),
    v.checkAsync(async () => true),
  ),
};
