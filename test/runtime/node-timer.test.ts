import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startTimer } from "../../src/runtime/node-timer.js";
import type { Timer } from "../../src/runtime/runtime.js";

const longest = 2 ** 31 - 1;
const month = 30 * 24 * 3_600_000;

let fired: number;

function start(delay: number): Timer {
  return startTimer(delay, () => fired++);
}

beforeEach(() => {
  fired = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("startTimer", () => {
  describe("a timer", () => {
    it.each([1, 1_000, longest - 1, longest, longest + 1, month, 3 * longest + 7])(
      "fires once after %i ms",
      (delay) => {
        start(delay);
        vi.advanceTimersByTime(delay - 1);
        expect(fired).toBe(0);
        vi.advanceTimersByTime(1);
        expect(fired).toBe(1);
        vi.advanceTimersByTime(month);
        expect(fired).toBe(1);
        expect(vi.getTimerCount()).toBe(0);
      },
    );

    it.each([0, -5])("fires in the next turn for a delay of %i ms", (delay) => {
      start(delay);
      vi.advanceTimersByTime(1);
      expect(fired).toBe(1);
    });

    it("never fires with an infinite delay", () => {
      const timer = start(Infinity);
      vi.advanceTimersByTime(5 * longest);
      expect(fired).toBe(0);
      expect(vi.getTimerCount()).toBe(1);
      timer.clear();
      expect(vi.getTimerCount()).toBe(0);
    });

    it.each([0, longest])("can be cleared %i ms after its start, and more than once", (elapsed) => {
      const timer = start(month);
      vi.advanceTimersByTime(elapsed);
      timer.clear();
      timer.clear();
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(month);
      expect(fired).toBe(0);
    });

    it("can be restarted after it has fired", () => {
      const timer = start(50);
      vi.advanceTimersByTime(50);
      timer.restart?.();
      vi.advanceTimersByTime(49);
      expect(fired).toBe(1);
      vi.advanceTimersByTime(1);
      expect(fired).toBe(2);
      expect(vi.getTimerCount()).toBe(0);
    });

    it("can be restarted in its callback, and cleared afterwards", () => {
      const timer = startTimer(5, () => {
        fired++;
        timer.restart?.();
      });
      vi.advanceTimersByTime(15);
      expect(fired).toBe(3);
      timer.clear();
      vi.advanceTimersByTime(15);
      expect(fired).toBe(3);
    });

    it("can be cleared in its callback, and after it", () => {
      const timer = startTimer(5, () => {
        fired++;
        timer.clear();
      });
      vi.advanceTimersByTime(5);
      timer.clear();
      timer.ref();
      timer.unref();
      expect(fired).toBe(1);
    });
  });

  describe("ref and unref", () => {
    it("apply to all Node timers of a long delay", () => {
      const setTimeout = vi.spyOn(globalThis, "setTimeout");
      const isHeld = (): boolean => (setTimeout.mock.results.at(-1)?.value as NodeJS.Timeout).hasRef();
      const timer = start(month);
      expect(isHeld()).toBe(true);
      timer.unref();
      expect(isHeld()).toBe(false);
      vi.advanceTimersByTime(longest);
      expect(setTimeout).toHaveBeenCalledTimes(2);
      expect(isHeld()).toBe(false);
      timer.ref();
      expect(isHeld()).toBe(true);
    });
  });
});
