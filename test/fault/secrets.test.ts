// Looks for secrets in everything that a client shows, when an attempt or a connection ends in each phase.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import * as jetsocket from "../../src/index.js";
import { runProgram, transpiledEntryPoint } from "../layers/child-process.js";
import { ScriptedPeer } from "../support/scripted-peer.js";
import { closeFrame } from "../support/wire.js";
import { formsOf, secrets } from "./secret-places.js";
import { run, scenarios } from "./secret-scenarios.js";

/** The places whose secrets occur in a text. */
function leaksIn(text: string): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([place]) => place);
}

describe("no secret is shown anywhere", () => {
  it.each(scenarios)("after $name (phase: $phase)", async (scenario) => {
    const { surfaces, phase } = await run(jetsocket, scenario);
    const leaks = [...surfaces].flatMap(([surface, text]) =>
      leaksIn(text).map((place) => `${place} in ${surface}: ${excerptOf(text, place)}`),
    );
    expect(leaks).toEqual([]);
    expect(phase).toBe(scenario.phase);
    expect(surfaces.size).toBeGreaterThan(3);
  });

  it("in the log of NODE_DEBUG and in the warnings of a process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const entryPoints = [join(import.meta.dirname, "secret-scenarios.ts")];
    const outfile = join(folder, "scenarios.mjs");
    buildSync({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", target: "node20" });
    const program = `
      import * as jetsocket from ${JSON.stringify(transpiledEntryPoint())};
      import { run, scenarios } from ${JSON.stringify(pathToFileURL(outfile).href)};
      for (const scenario of scenarios) await run(jetsocket, scenario);
      console.log("done " + scenarios.length);`;
    const printed: string[] = [];
    const log = await runProgram(program, (line) => void printed.push(line), { NODE_DEBUG: "jetsocket" });
    expect(printed).toEqual([`done ${scenarios.length}`]);
    for (const event of ["open connection=", "close verdict=", "in text", "out text", "4401"])
      expect(log).toContain(event);
    const lines = log.split("\n").filter((line) => leaksIn(line).length > 0);
    expect(lines).toEqual([]);
  });
});

describe("the search for secrets, if the option redact shows everything", () => {
  const found = new Set<string>();

  it.each(scenarios)("ends after $name", async (scenario) => {
    const { surfaces } = await run(jetsocket, scenario, { redact: (text) => text });
    for (const text of surfaces.values()) for (const place of leaksIn(text)) found.add(place);
    expect(surfaces.size).toBeGreaterThan(3);
  });

  it("finds at least 36 secrets in all these scenarios", () => {
    expect(found.size).toBeGreaterThanOrEqual(36);
  });
});

describe("an explicit call", () => {
  it("returns what the server sent: headers, body and the reason of the Close frame", async () => {
    const refused = await runNamed("the status 401");
    expect(refused.headers.unmasked()).toEqual(
      refused.error instanceof jetsocket.HandshakeError ? refused.error.headers.unmasked() : [],
    );
    expect(Object.fromEntries(refused.headers.unmasked())).toMatchObject({
      "Set-Cookie": `sid=${secrets.setCookie}; Path=/`,
      "WWW-Authenticate": `Bearer realm="${secrets.challenge}"`,
    });
    expect(refused.body.toString()).toContain(secrets.body);
    expect(jetsocket.unmasked(refused).headers).toEqual(refused.headers.unmasked());
    expect(Object.isFrozen(refused)).toBe(true);
    const closed = await runNamed("a Close frame of the server");
    expect(jetsocket.unmasked(closed).reason).toContain(secrets.reasonToken);
    expect(closed.reason).not.toContain(secrets.reasonToken);
  });

  it("returns the reason of the event closing", async () => {
    const peer = await ScriptedPeer.listen();
    const client = new jetsocket.WebSocket(peer.url, { reconnect: false });
    const closing = new Promise<jetsocket.EventMap<unknown>["closing"]>((resolve) =>
      client.on("closing", resolve),
    );
    const connecting = client.connect();
    const socket = await peer.client();
    await socket.accept();
    await connecting;
    socket.endWithClient().send(closeFrame(4401, "token=hunter2"));
    expect(await closing).toEqual({ code: 4401, reason: "token=***", initiatedBy: "peer" });
    expect(jetsocket.unmasked(await closing)).toEqual({
      ...{ code: 4401, reason: "token=hunter2", initiatedBy: "peer" },
    });
    await peer.close();
  });

  it("returns the error that a function threw", async () => {
    const { error } = await runNamed("a provider of the url that throws");
    const cause = error?.cause as Error & { readonly config: object };
    expect(cause.message).not.toContain(secrets.errorToken);
    expect(cause.config).toEqual({ headers: { Authorization: `Bearer ${secrets.errorConfig}` } });
    expect(jetsocket.unmasked(cause).message).toContain(secrets.errorToken);
  });
});

describe("the option redact", () => {
  it("receives the texts of each kind", async () => {
    const kinds = new Map<string, string>();
    const redact: jetsocket.Redact = (text, kind, name = "") => {
      kinds.set(`${kind} ${name}`.trim(), text);
      return `<${kind}>`;
    };
    const redirected = await runNamed("a redirect", { redact });
    expect(redirected.url).toBe("<url>");
    expect(redirected.error?.message).toMatch(/^Connecting to <url> failed \(phase: http\): <error>/);
    expect(redirected.headers[0]).toEqual(["Location", "<header>"]);
    await runNamed("a Close frame of the server", { redact });
    expect([...kinds.keys()]).toEqual(
      expect.arrayContaining([
        "url",
        "error",
        "header Location",
        "header Set-Cookie",
        "subprotocol",
        "reason",
      ]),
    );
    expect(kinds.get("url")).not.toContain(secrets.urlPassword);
    expect(kinds.get("url")).toContain(secrets.queryToken);
  });

  it.each([
    [
      "throws",
      (text: string): string => {
        throw new Error(text);
      },
    ],
    ["returns no string", () => undefined as unknown as string],
  ])("shows nothing and keeps the connection if it %s", async (_what, redact) => {
    const { surfaces, phase } = await run(jetsocket, scenarioOf("a Close frame of the server"), { redact });
    expect(phase).toBe("closing");
    expect([...surfaces].filter(([, text]) => leaksIn(text).length > 0)).toEqual([]);
    expect(surfaces.get("event connected, as JSON")).toContain('"url":"***"');
  });
});

describe("insecureCredentials: forbid", () => {
  it("fails before the client dials, and is not tried again", async () => {
    let lookups = 0;
    const client = new jetsocket.WebSocket("ws://a:b@feed.test/", {
      insecureCredentials: "forbid",
      retryInitial: true,
      lookup: () => lookups++,
    });
    const error = await client.run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(jetsocket.ConnectionError);
    expect(error).toMatchObject({ code: "INSECURE_CREDENTIALS", phase: "provider" });
    expect(client.lastReport).toMatchObject({
      isRetryable: false,
      advice: expect.stringContaining("wss:") as string,
    });
    expect([lookups, client.stats().attemptCount]).toEqual([0, 1]);
  });
});

function scenarioOf(name: string): (typeof scenarios)[number] {
  return scenarios.find((one) => one.name === name)!;
}

async function runNamed(
  name: string,
  others: jetsocket.WebSocketOptions<unknown, unknown> = {},
): Promise<jetsocket.CloseReport> {
  return (await run(jetsocket, scenarioOf(name), others)).report!;
}

function excerptOf(text: string, place: string): string {
  const secret = secrets[place as keyof typeof secrets];
  const at = Math.max(...formsOf(secret).map((form) => text.indexOf(form)));
  return text.slice(Math.max(0, at - 80), at + 40);
}
