/** Prepares the error classes of the entry points that are built on the client. It does not define error classes. */

/** Sets the name and the brand of all instances, so that `instanceof` works across two copies of the package. */
export function brandInstances(
  type: { readonly brand: symbol; readonly prototype: Error },
  name: string,
): void {
  for (const [key, value] of [["name", name] as const, [type.brand, true] as const]) {
    // A descriptor without a prototype, so that a `get` or `set` in Object.prototype has no effect.
    const descriptor: PropertyDescriptor = Object.create(null) as PropertyDescriptor;
    Object.defineProperty(
      type.prototype,
      key,
      Object.assign(descriptor, { value, configurable: true, writable: true }),
    );
  }
}
