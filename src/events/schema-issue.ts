// The type of an issue that a schema reports. It does not contain the code that runs a schema.

/** A reason for which a value does not match a schema. */
export interface SchemaIssue {
  /** Written by the library of the schema. It may contain parts of the value. */
  readonly message: string;
  /** The keys that lead to the part of the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
