// Checks over TLS: an echo, and certificates that the client must reject.
import { ok, rejects, strictEqual as equal } from "node:assert";
import { textOfSize } from "../payloads.mjs";

const receiveTimeout = 5_000;

export const tlsChecks = [
  { name: "TLS: echo of 1 MiB, then close", run: echoOverTls },
  { name: "TLS: an untrusted certificate is rejected", run: rejectUntrusted },
  { name: "TLS: a certificate for another name is rejected", run: rejectOtherName },
];

async function echoOverTls(context) {
  const client = { tls: { ca: context.certificates.trusted } };
  const { ws, closed } = await context.openRaw("/echo", { to: "tlsPort", host: "localhost", client });
  const text = textOfSize(1024 * 1024);
  await ws.sendRaw(text);
  ok((await ws.recv({ timeout: receiveTimeout })) === text, "the echo differs from the sent message");
  await ws.close();
  equal((await closed).wasClean, true);
}

async function rejectUntrusted(context) {
  const client = { tls: { ca: context.certificates.untrusted } };
  await expectTlsFailure(
    context,
    await context.client("/echo", { to: "tlsPort", host: "localhost", client }),
  );
}

async function rejectOtherName(context) {
  // The certificate is for the name localhost, not for its address.
  const client = { tls: { ca: context.certificates.trusted } };
  await expectTlsFailure(
    context,
    await context.client("/echo", { to: "tlsPort", host: "127.0.0.1", client }),
  );
}

async function expectTlsFailure(context, { ws, closed }) {
  await rejects(ws.connect(), (error) => {
    ok(error instanceof context.jetsocket.ConnectionError, `${error.name}: ${error.message}`);
    equal(error.phase, "tls");
    return true;
  });
  equal((await closed).verdict, "tls");
}
