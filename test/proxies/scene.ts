// What the tests of one file share: all proxies, an echo server for each scheme, and the clients of the running test. It
// starts and ends them by the hooks of vitest.
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { EchoServer, type Scheme } from "./echo-server.js";
import { allStarted, Clients, Fleet } from "./fleet.js";

export interface ProxyScene {
  readonly fleet: Fleet;
  readonly servers: Readonly<Record<Scheme, EchoServer>>;
  /** The clients of the running test. After each test, they are closed. */
  readonly clients: Clients;
}

/** Call it once, at the start of a file of tests. */
export function proxyScene(): ProxyScene {
  const fleet = new Fleet();
  const servers = { ws: new EchoServer("ws"), wss: new EchoServer("wss") };
  let clients: Clients;
  beforeAll(async () => {
    await allStarted([fleet.start(), servers.ws.listen(), servers.wss.listen()]);
  }, 60_000);
  afterAll(() => Promise.all([fleet.stop(), servers.ws.close(), servers.wss.close()]));
  beforeEach(() => {
    clients = new Clients();
  });
  afterEach(() => clients.finish());
  return {
    fleet,
    servers,
    get clients(): Clients {
      return clients;
    },
  };
}
