import { describe, expect, it } from "vitest";
import { type Endpoint, Endpoints, pauseAfter } from "../../src/pool/endpoints.js";

function threeEndpoints(): { endpoints: Endpoints; all: readonly [Endpoint, Endpoint, Endpoint] } {
  const endpoints = new Endpoints(["ws://a.test/", "ws://b.test/", "ws://c.test/"]);
  return { endpoints, all: endpoints.order(0) as readonly [Endpoint, Endpoint, Endpoint] };
}

describe("order()", () => {
  it("has the order of the option, as long as no endpoint has failed", () => {
    const { all } = threeEndpoints();
    expect(all.map(({ url }) => url)).toEqual(["ws://a.test/", "ws://b.test/", "ws://c.test/"]);
  });

  it("skips an endpoint that has failed until its pause has passed", () => {
    const { endpoints, all } = threeEndpoints();
    const [a, b, c] = all;
    endpoints.onFailed(a, 0);
    expect(endpoints.order(999)).toEqual([b, c, a]);
    expect(endpoints.order(1_000)).toEqual([a, b, c]);
  });

  it("lists skipped endpoints last, in the order in which their pauses end", () => {
    const { endpoints, all } = threeEndpoints();
    const [a, b, c] = all;
    for (let n = 0; n < 3; n++) endpoints.onFailed(a, 0);
    endpoints.onFailed(b, 10);
    endpoints.onFailed(c, 5);
    expect(endpoints.order(20)).toEqual([c, b, a]);
  });

  it("lets one connection at a time try an endpoint that has failed", () => {
    const { endpoints, all } = threeEndpoints();
    const [a, b, c] = all;
    endpoints.onFailed(a, 0);
    endpoints.onAttempt(a, 1_000);
    expect(endpoints.order(1_500)).toEqual([b, c, a]);
    endpoints.onConnected(a);
    expect(endpoints.order(1_500)).toEqual([a, b, c]);
    endpoints.onAttempt(a, 1_500);
    expect(endpoints.order(1_500)).toEqual([a, b, c]);
  });
});

it("an endpoint that accepts connections and loses each at once has failed, with growing pauses", () => {
  const { endpoints, all } = threeEndpoints();
  const [a] = all;
  for (const [now, pause] of [
    [0, 1_000],
    [5_000, 2_000],
    [9_000, 4_000],
  ] as const) {
    endpoints.onAttempt(a, now);
    endpoints.onConnected(a);
    expect(endpoints.order(now)[0]).toBe(a);
    endpoints.onEnded(a, true, now);
    expect(endpoints.order(now + pause - 1)[0]).not.toBe(a);
    expect(endpoints.order(now + pause)[0]).toBe(a);
  }
  endpoints.onConnected(a);
  endpoints.onEnded(a, false, 20_000);
  endpoints.onEnded(a, true, 20_000);
  expect(endpoints.order(21_000)[0]).toBe(a);
});

it("doubles the pause after each failure, up to a minute", () => {
  expect([1, 2, 3, 6, 7, 100, 2_000].map(pauseAfter)).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000,
  ]);
});
