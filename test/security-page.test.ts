// Checks that SECURITY.md names a test for each limit, and that the tests and options exist.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { resolveOptions } from "../src/options/resolve-options.js";
import { nodeRuntimeWithoutSockets } from "../src/runtime/node-runtime.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "SECURITY.md"), "utf8");

/** The cells of the table of limits, without its head. */
const rows = (/^\| what a peer[^]*?(?=\n\n)/m.exec(page)?.[0] ?? "")
  .split("\n")
  .slice(2)
  .map((line) => line.split("|").map((cell) => cell.trim()));

function namesIn(text: string | undefined): string[] {
  return [...(text ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

const known = resolveOptions(
  { replay: { sequence: () => 0, onReplay: () => undefined } },
  { ...nodeRuntimeWithoutSockets, openTransport: () => undefined as never },
);

const count = (value: number): string => value.toLocaleString("en-US");
const seconds = (value: number): string => `${value / 1_000} s`;
const mebibytes = (value: number): string => `${value / 2 ** 20} MiB`;

describe("SECURITY.md", () => {
  it("names an existing test for each limit and for each promise", () => {
    expect(rows.length).toBeGreaterThan(15);
    const missing = namesIn(page).filter((name) => name.startsWith("test/") && !existsSync(join(root, name)));
    expect(missing).toEqual([]);
    expect(rows.filter((cells) => !namesIn(cells[4]).some((name) => name.startsWith("test/")))).toEqual([]);
    const promises = page.match(/^\d\. \*\*[^]*?(?=\n\d\. |\n\n)/gm) ?? [];
    expect(promises).toHaveLength(8);
    const unproven = promises.filter(
      (promise) => !promise.includes("`test/") && !promise.includes("next section"),
    );
    expect(unproven).toEqual([]);
  });

  it("names only options that exist", () => {
    const options = rows.flatMap((cells) => namesIn(cells[3])).map((name) => name.split(".")[0]!);
    expect(options.filter((name) => !(name in known))).toEqual([]);
    expect(options.length).toBeGreaterThan(10);
  });

  const { buffer, heartbeat, rotation, replay, backoff } = known;
  it.each<[string, string[]]>([
    ["followRedirects", [count(known.followRedirects)]],
    ["connectTimeout", [seconds(known.connectTimeout)]],
    ["maxMessageSize", [mebibytes(known.maxMessageSize)]],
    ["maxFragments", [count(known.maxFragments)]],
    ["messageTimeout", [seconds(known.messageTimeout)]],
    ["maxControlRate", [`${count(known.maxControlRate)} per second`]],
    ["buffer", [`${count(buffer.capacity)} messages`, mebibytes(buffer.maxBytes)]],
    ["maxBufferedAmount", [mebibytes(known.maxBufferedAmount)]],
    ["heartbeat", [seconds(heartbeat!.interval + heartbeat!.timeout)]],
    ["closeTimeout", [seconds(known.closeTimeout), seconds(10 * known.closeTimeout)]],
    ["replay", [`${count(replay!.maxWaiting)} messages`, seconds(replay!.recoveryTimeout)]],
    ["rotation", [seconds(rotation.overlap), `${count(rotation.maxWaiting)} messages`]],
    ["backoff", [seconds(backoff.cap)]],
    ["backoff.retryAfterCap", [seconds(backoff.retryAfterCap)]],
  ])("shows the default of %s", (option, limits) => {
    const [first] = rows.filter((cells) => cells[3] === `\`${option}\``);
    for (const limit of limits) expect(first?.[2]).toContain(limit);
  });
});
