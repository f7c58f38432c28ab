import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../src/index.js";
import { breaking, closing, day, inSequence, refusing, steady } from "./scripts.js";
import { accepting, type Options, rejection, type Script, Stage } from "./stage.js";

describe("fatal failures", () => {
  it.each([401, 403, 404, 410])(
    "before the first success: HTTP %d is fatal, with retryInitial too",
    async (status) => {
      const stage = new Stage(refusing(status));
      const client = stage.createClient({ retryInitial: true });
      const connecting = client.ws.connect();
      await stage.pass(day);
      const error = await rejection(connecting);
      expect(error).toBeInstanceOf(HandshakeError);
      expect(stage.server.connectionCount).toBe(1);
      expect(client.all("closed")[0]!.report.isRetryable).toBe(false);
      await stage.finish();
    },
  );

  it.each([400, 402, 408, 426, 429, 500, 503])(
    "before the first success: HTTP %d is not fatal",
    async (status) => {
      const stage = new Stage(inSequence(refusing(status), accepting));
      const client = stage.createClient({ retryInitial: true });
      void client.ws.connect();
      await stage.pass(60_000);
      expect(client.ws.state).toBe("connected");
      await stage.finish();
    },
  );

  it.each([404, 410, 500])("after the first success: HTTP %d is never fatal", async (status) => {
    const stage = new Stage(inSequence(breaking(5), ...Array<Script>(12).fill(refusing(status)), accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(200_000);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });

  const refusals: [name: string, script: Script][] = [
    ["HTTP 401", refusing(401)],
    ["HTTP 403", refusing(403)],
    ["Close 4401", closing(4401, 5)],
    ["Close 4403", closing(4403, 5)],
  ];

  it.each(refusals)("after the first success: %s is fatal the third time in a row", async (_name, script) => {
    const stage = new Stage(inSequence(breaking(5), script));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(200_000);
    expect(client.ws.state).toBe("failed");
    expect(stage.server.connectionCount).toBe(4);
    expect(client.all("closed")[0]!.report).toMatchObject({ verdict: "auth", isRetryable: false });
    await stage.finish();
  });

  it.each(refusals)(
    "after the first success: %s twice between stable connections is not fatal",
    async (_name, script) => {
      const round = [breaking(61_000), script, script];
      const stage = new Stage(inSequence(...round, ...round, ...round, accepting));
      const client = await stage.connect({ backoff: steady });
      await stage.pass(day / 24);
      expect(client.ws.state).toBe("connected");
      expect(stage.server.connectionCount).toBe(10);
      await stage.finish();
    },
  );

  it("after the first success: a Close 4401 of a stable connection restarts the count", async () => {
    const stage = new Stage(
      inSequence(closing(4401, 61_000), closing(4401, 61_000), closing(4401, 61_000), accepting),
    );
    const client = await stage.connect({ backoff: steady });
    await stage.pass(day / 24);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });

  it.each([1000, 1001, 1008, 1011, 4000])(
    "after the first success: a Close %d is never fatal",
    async (code) => {
      const stage = new Stage(inSequence(...Array<Script>(10).fill(closing(code, 5)), accepting));
      const client = await stage.connect({ backoff: steady });
      await stage.pass(200_000);
      expect(client.ws.state).toBe("connected");
      await stage.finish();
    },
  );

  it("shouldReconnect decides, in both directions", async () => {
    const reports: unknown[] = [];
    const options: Options = {
      retryInitial: true,
      backoff: steady,
      shouldReconnect: (report) => {
        reports.push(report);
        return report.verdict !== "server-error";
      },
    };
    const stage = new Stage(
      inSequence(refusing(404), refusing(401), refusing(401), refusing(401), breaking(5), refusing(500)),
    );
    const client = stage.createClient(options);
    const running = client.ws.run();
    await stage.pass(day);
    expect(await rejection(running)).toBeInstanceOf(HandshakeError);
    expect(stage.server.connectionCount).toBe(6);
    expect(reports.length).toBe(6);
    for (const report of reports) expect(Object.isFrozen(report)).toBe(true);
    await stage.finish();
  });

  it("the default rule applies when shouldReconnect throws, and the error is reported", async () => {
    const fault = new Error("no idea");
    const shouldReconnect = (): boolean => {
      throw fault;
    };
    const stage = new Stage(inSequence(breaking(5), accepting));
    const client = await stage.connect({ shouldReconnect, backoff: steady });
    await stage.pass(60_000);
    expect(client.story).toContain("reconnected");
    expect(client.all("error").map(({ error }) => error)).toContain(fault);
    await stage.finish();
  });

  it.each(["close", "terminate"] as const)("%s() inside shouldReconnect ends the client", async (how) => {
    const stage = new Stage(breaking(5));
    const client = stage.createClient({ shouldReconnect: () => (void client.ws[how](), true) });
    void client.ws.connect();
    await stage.pass(day);
    expect(client.ws.state).toBe("closed");
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });
});

describe("an invalid certificate", () => {
  const codes = ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"];
  const breakTls = (stage: Stage, code: string): void => {
    const peer = stage.clock.peers.at(-1)!;
    peer.reach("tls");
    peer.refuse(Object.assign(new Error(code), { code }));
  };

  it.each(codes)("%s is fatal before the first success", async (code) => {
    const stage: Stage = new Stage(accepting, { onOpen: () => breakTls(stage, code) });
    const client = stage.createClient({ retryInitial: true }, "wss://feed.test/");
    const connecting = client.ws.connect();
    await stage.pass(day);
    expect(await rejection(connecting)).toMatchObject({ code, phase: "tls" });
    expect(client.all("closed")[0]!.report).toMatchObject({ verdict: "tls", isRetryable: false });
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  it.each(codes)("%s is not fatal after the first success", async (code) => {
    const script = inSequence(breaking(5), accepting);
    const onOpen = (_connection: unknown, n: number): void => {
      if (n > 1 && n < 9) breakTls(stage, code);
    };
    const stage: Stage = new Stage(script, { onOpen });
    const client = stage.createClient({ backoff: steady }, "wss://feed.test/");
    void client.ws.connect();
    await stage.pass(200_000);
    expect(client.ws.state).toBe("connected");
    expect(stage.server.connectionCount).toBe(9);
    await stage.finish();
  });

  it("is fatal, but a TLS alert of the peer is not", async () => {
    const onOpen = (_connection: unknown, n: number): void => {
      if (n === 1) breakTls(stage, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    };
    const stage: Stage = new Stage(accepting, { onOpen });
    const client = stage.createClient({ retryInitial: true, backoff: steady }, "wss://feed.test/");
    void client.ws.connect();
    await stage.pass(10_000);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });
});
