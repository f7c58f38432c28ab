// The public handle passes each call to its state.
import { expect, it, onTestFinished } from "vitest";
import { Channel } from "../../src/channels/channel.js";
import { Feed, Requester } from "../../src/channels/feed.js";
import { ChannelState } from "../../src/channels/channel-state.js";

const bounds = { capacity: 3, maxBytes: 4_194_304, overflow: "dropOldest", keyOf: undefined } as const;

function create(): { readonly state: ChannelState; readonly channel: Channel<number> } {
  const state = new ChannelState("a", bounds, {
    onClosed: () => undefined,
    reportFunctionError: () => undefined,
  });
  onTestFinished(() => state.end(undefined));
  return { state, channel: new Channel<number>(state) };
}

const tick = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it("the listeners of on and once receive the buffered messages, and off removes a listener", async () => {
  const { state, channel } = create();
  const seen: string[] = [];
  const listener = ({ data }: { readonly data: number }): void => void seen.push(`on ${data}`);
  state.deliver(1, 1);
  channel.once("message", ({ data }) => seen.push(`once ${data}`));
  await tick();
  expect(channel.on("message", listener).on("ready", () => seen.push("ready"))).toBe(channel);
  state.deliver(2, 1);
  state.setReady(true);
  channel.off("message", listener);
  state.deliver(3, 1);
  expect(seen).toEqual(["once 1", "on 2", "ready"]);
  expect([channel.name, channel.isReady, channel.bufferedCount, channel.droppedCount]).toEqual([
    "a",
    true,
    1,
    0,
  ]);
});

it("a scope with await using closes the handle", async () => {
  const { state, channel } = create();
  {
    await using used = channel;
    expect(used.isClosed).toBe(false);
  }
  expect([state.isClosed, channel.isClosed]).toEqual([true, true]);
  await channel.close();
});

it.each([["messages"], [""], [undefined], [5]])("the event name %j is refused", (name) => {
  const { channel } = create();
  for (const call of ["on", "once", "off"] as const)
    expect(() => channel[call](name as never, () => undefined)).toThrow(TypeError);
});

it.each([[undefined], [null], ["f"], [{}]])("the listener %j is refused", (listener) => {
  const { channel } = create();
  for (const call of ["on", "once"] as const)
    expect(() => channel[call]("message", listener as never)).toThrow(TypeError);
});

it.each([Feed, Requester, Channel] as const)("%s() names the function to call instead", (Class) => {
  for (const argument of [undefined, { channelOf: () => "a" }, "trades"])
    expect(() => Reflect.construct(Class, [argument]) as unknown).toThrow(
      /^Call \w+.* instead of this constructor\.$/,
    );
});
