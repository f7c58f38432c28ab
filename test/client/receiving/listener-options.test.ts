import { describe, expect, it } from "vitest";
import { isBorrowed, type ListenerOptions } from "../../../src/client/receiving/listener-options.js";

describe.each(["on", "once"] as const)("the options of %s()", (call) => {
  it.each([undefined, {}, { borrowed: undefined }, { borrowed: false }] as (ListenerOptions | undefined)[])(
    "do not borrow with %o, for any event",
    (options) => {
      for (const name of ["rawMessage", "message", "closed"])
        expect(isBorrowed(call, name, options)).toBe(false);
    },
  );

  it.each(["message", "closed", "rawmessage", ""])("cannot borrow the event %j", (name) => {
    const check = (): boolean => isBorrowed(call, name, { borrowed: true });
    expect(check).toThrow(
      new TypeError(`The option "borrowed" is possible only for the event "rawMessage", not for "${name}".`),
    );
  });

  it.each([1, 0, "true", null, {}])("refuse the value %o for borrowed", (borrowed) => {
    const check = (): boolean => isBorrowed(call, "rawMessage", { borrowed: borrowed as never });
    expect(check).toThrow(TypeError);
    expect(check).toThrow('The option "borrowed" must be true or false, not');
  });

  it("refuse an unknown option and list the known one", () => {
    const check = (): boolean =>
      isBorrowed(call, "rawMessage", { signal: undefined, passive: true } as never);
    expect(check).toThrow(TypeError);
    expect(check).toThrow('Unknown option "passive" of a call. Known options: borrowed.');
  });

  it.each([null, true, "borrowed"])("must be an object, not %o", (options) => {
    const check = (): boolean => isBorrowed(call, "rawMessage", options as never);
    expect(check).toThrow(TypeError);
    expect(check).toThrow("The options of a call must be an object, not");
  });
});

describe("borrowed: true for rawMessage", () => {
  it("is possible with on()", () => {
    expect(isBorrowed("on", "rawMessage", { borrowed: true })).toBe(true);
  });

  it("is refused by once(), and the error names an alternative", () => {
    const check = (): boolean => isBorrowed("once", "rawMessage", { borrowed: true });
    expect(check).toThrow(TypeError);
    expect(check).toThrow(/^once\(\) does not support the option "borrowed".* Use on\(\), and off\(\)/);
  });

  it("is read once, so a getter cannot change it after the check", () => {
    let reads = 0;
    const options: ListenerOptions = {
      get borrowed() {
        return ++reads === 1;
      },
    };
    expect(isBorrowed("on", "rawMessage", options)).toBe(true);
    expect(reads).toBe(1);
  });
});
