/**
 * The interface of a schema, which zod, valibot, arktype and other libraries implement: Standard Schema, version 1
 * (https://standardschema.dev). It contains types only, so that no library is imported.
 */
import type { SchemaIssue } from "../events/schema-issue.js";

export type { SchemaIssue };

/** A schema. Messages of the type `Output` are the results of its `validate`. */
export interface StandardSchema<Output, Input = unknown> {
  readonly "~standard": {
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Exists only for the compiler. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The result of `validate`. The value is valid if `issues` is `undefined`. */
export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };
