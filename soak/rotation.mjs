/** Replaces a connection every second while a numbered stream runs in each direction. Causes no faults. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.mjs";

/** @type {{ name: string, by: "age" | "call", mode: "overlap" | "replace", query: string }[]} */
const lanes = [
  { name: "overlap-by-age", by: "age", mode: "overlap", query: "" },
  { name: "overlap-by-call", by: "call", mode: "overlap", query: "" },
  { name: "replace", by: "call", mode: "replace", query: "&waits" },
];

/**
 * @param {{ seconds: number }} options
 * @returns {Promise<boolean>}
 */
export async function runRotation({ seconds }) {
  const folder = await mkdtemp(join(tmpdir(), "jetsocket-rotation-"));
  try {
    const server = new Child("server.mjs");
    const checker = new Child("checker.mjs");
    const { port } = await server.ask({ do: "start", folder, port: 0 }, "listening", 20_000);
    const runs = lanes.map((lane) => runLane(lane, { folder, server, checker, port, seconds }));
    return (await Promise.all(runs)).every(Boolean);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runLane(lane, { folder, server, checker, port, seconds }) {
  const client = new Child("rotating-client.mjs");
  await client.ask({ do: "open", ...lane, folder, port }, "begun", 20_000);
  const head = await feed(server, lane.name, seconds);
  const result = await client.ask({ do: "close", head }, "closed", 30_000);
  const request = {
    down: join(folder, `down-${lane.name}.log`),
    up: join(folder, `up-${lane.name}.log`),
    downLast: head,
    upLast: result.sent,
    kind: "rotation",
  };
  // One request at a time, so that two lanes do not receive each other's answers.
  const checked = await (checking = checking.then(() => checker.ask(request, "checked", 30_000)));
  await client.end();

  const problems = [...result.problems, ...checked.problems];
  const { counts } = result;
  if (counts.gaps > 0) problems.push(`${counts.gaps} gaps were reported`);
  if (counts.resets > 0) problems.push(`${counts.resets} times missing messages were abandoned`);
  if (lane.mode === "overlap" && counts.disconnects > 0) problems.push(`${counts.disconnects} disconnects`);
  if (counts.rotations < seconds * 0.6) problems.push(`only ${counts.rotations} rotations`);
  for (const problem of problems.slice(0, 20)) console.error(`  rotation, ${lane.name}: ${problem}`);
  console.log(
    `rotation, ${lane.name}: ${problems.length === 0 ? "passed" : "FAILED"}: ${counts.rotations} rotations in ${seconds} s, ` +
      `gaps ${counts.gaps}, duplicates removed ${counts.duplicates}, longest overlap ${Math.round(counts.longestOverlapMs)} ms\n  ${checked.line}`,
  );
  return problems.length === 0;
}

/** @type {Promise<any>} */
let checking = Promise.resolve();

/** Makes the server send one message per millisecond. */
async function feed(server, lane, seconds) {
  const began = performance.now();
  let head = 0;
  while (performance.now() - began < seconds * 1_000) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    head = Math.floor(performance.now() - began);
    server.send({ do: "head", lane, head, bursts: [] });
  }
  return head;
}
