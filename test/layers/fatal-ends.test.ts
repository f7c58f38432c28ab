import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../src/index.js";
import { breaking, closing, day, inTurn, refusing, steady } from "./scripts.js";
import { accepting, type Options, rejection, type Script, Stage } from "./stage.js";

describe("what is fatal", () => {
  it.each([401, 403, 404, 410])(
    "before the first success: HTTP %d, with retryInitial too",
    async (status) => {
      const stage = new Stage(refusing(status));
      const player = stage.play({ retryInitial: true });
      const connecting = player.ws.connect();
      await stage.pass(day);
      const error = await rejection(connecting);
      expect(error).toBeInstanceOf(HandshakeError);
      expect(stage.server.connectionCount).toBe(1);
      expect(player.all("closed")[0]!.report.isRetryable).toBe(false);
      await stage.finish();
    },
  );

  it.each([400, 402, 408, 426, 429, 500, 503])("before the first success: not HTTP %d", async (status) => {
    const stage = new Stage(inTurn(refusing(status), accepting));
    const player = stage.play({ retryInitial: true });
    void player.ws.connect();
    await stage.pass(60_000);
    expect(player.ws.state).toBe("connected");
    await stage.finish();
  });

  it.each([404, 410, 500])("after it: never HTTP %d", async (status) => {
    const stage = new Stage(inTurn(breaking(5), ...Array<Script>(12).fill(refusing(status)), accepting));
    const player = await stage.begin({ backoff: steady });
    await stage.pass(200_000);
    expect(player.ws.state).toBe("connected");
    await stage.finish();
  });

  const refusals: [name: string, script: Script][] = [
    ["HTTP 401", refusing(401)],
    ["HTTP 403", refusing(403)],
    ["Close 4401", closing(4401, 5)],
    ["Close 4403", closing(4403, 5)],
  ];

  it.each(refusals)("after it: %s the third time in a row", async (_name, script) => {
    const stage = new Stage(inTurn(breaking(5), script));
    const player = await stage.begin({ backoff: steady });
    await stage.pass(200_000);
    expect(player.ws.state).toBe("failed");
    expect(stage.server.connectionCount).toBe(4);
    expect(player.all("closed")[0]!.report).toMatchObject({ verdict: "auth", isRetryable: false });
    await stage.finish();
  });

  it.each(refusals)("after it: not %s twice between connections that last", async (_name, script) => {
    const round = [breaking(61_000), script, script];
    const stage = new Stage(inTurn(...round, ...round, ...round, accepting));
    const player = await stage.begin({ backoff: steady });
    await stage.pass(day / 24);
    expect(player.ws.state).toBe("connected");
    expect(stage.server.connectionCount).toBe(10);
    await stage.finish();
  });

  it("after it: a Close 4401 of a connection that has lasted is the first again", async () => {
    const stage = new Stage(
      inTurn(closing(4401, 61_000), closing(4401, 61_000), closing(4401, 61_000), accepting),
    );
    const player = await stage.begin({ backoff: steady });
    await stage.pass(day / 24);
    expect(player.ws.state).toBe("connected");
    await stage.finish();
  });

  it.each([1000, 1001, 1008, 1011, 4000])("after it: never a Close %d", async (code) => {
    const stage = new Stage(inTurn(...Array<Script>(10).fill(closing(code, 5)), accepting));
    const player = await stage.begin({ backoff: steady });
    await stage.pass(200_000);
    expect(player.ws.state).toBe("connected");
    await stage.finish();
  });

  it("is what shouldReconnect says, in both directions", async () => {
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
      inTurn(refusing(404), refusing(401), refusing(401), refusing(401), breaking(5), refusing(500)),
    );
    const player = stage.play(options);
    const running = player.ws.run();
    await stage.pass(day);
    expect(await rejection(running)).toBeInstanceOf(HandshakeError);
    expect(stage.server.connectionCount).toBe(6);
    expect(reports.length).toBe(6);
    for (const report of reports) expect(Object.isFrozen(report)).toBe(true);
    await stage.finish();
  });

  it("goes by the rule where shouldReconnect throws, which is told", async () => {
    const fault = new Error("no idea");
    const shouldReconnect = (): boolean => {
      throw fault;
    };
    const stage = new Stage(inTurn(breaking(5), accepting));
    const player = await stage.begin({ shouldReconnect, backoff: steady });
    await stage.pass(60_000);
    expect(player.story).toContain("reconnected");
    expect(player.all("error").map(({ error }) => error)).toContain(fault);
    await stage.finish();
  });

  it.each(["close", "terminate"] as const)("is %s() called inside shouldReconnect", async (how) => {
    const stage = new Stage(breaking(5));
    const player = stage.play({ shouldReconnect: () => (void player.ws[how](), true) });
    void player.ws.connect();
    await stage.pass(day);
    expect(player.ws.state).toBe("closed");
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });
});

describe("a certificate that is not valid", () => {
  const codes = ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"];
  const breakTls = (stage: Stage, code: string): void => {
    const peer = stage.clock.peers.at(-1)!;
    peer.reach("tls");
    peer.refuse(Object.assign(new Error(code), { code }));
  };

  it.each(codes)("%s is fatal before the first success", async (code) => {
    const stage: Stage = new Stage(accepting, { onOpen: () => breakTls(stage, code) });
    const player = stage.play({ retryInitial: true }, "wss://feed.test/");
    const connecting = player.ws.connect();
    await stage.pass(day);
    expect(await rejection(connecting)).toMatchObject({ code, phase: "tls" });
    expect(player.all("closed")[0]!.report).toMatchObject({ verdict: "tls", isRetryable: false });
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  it.each(codes)("%s is none after it", async (code) => {
    const script = inTurn(breaking(5), accepting);
    const onOpen = (_connection: unknown, n: number): void => {
      if (n > 1 && n < 9) breakTls(stage, code);
    };
    const stage: Stage = new Stage(script, { onOpen });
    const player = stage.play({ backoff: steady }, "wss://feed.test/");
    void player.ws.connect();
    await stage.pass(200_000);
    expect(player.ws.state).toBe("connected");
    expect(stage.server.connectionCount).toBe(9);
    await stage.finish();
  });

  it("is not what an alert of the peer's is", async () => {
    const onOpen = (_connection: unknown, n: number): void => {
      if (n === 1) breakTls(stage, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    };
    const stage: Stage = new Stage(accepting, { onOpen });
    const player = stage.play({ retryInitial: true, backoff: steady }, "wss://feed.test/");
    void player.ws.connect();
    await stage.pass(10_000);
    expect(player.ws.state).toBe("connected");
    await stage.finish();
  });
});
