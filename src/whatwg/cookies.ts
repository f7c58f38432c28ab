/**
 * Cookies of a program with a `location`, as in browsers: it stores the cookies of responses, and returns them for later
 * requests. It does not parse cookies.
 */
import type { Runtime, Transport, TransportHandler, TransportTarget } from "../index.js";
import { CookieStore } from "./cookie-store.js";

/** Largest head of a response that is searched, in bytes, interim responses and the answer of a proxy included. */
const maxHeadSize = 16 * 1024;

const acceptance = /(?:^|\r\n\r\n)HTTP\/1\.1 101[^\r\n]*\r\n([^]*?)\r\n\r\n/;

const store = new CookieStore();

/** By runtime, because the client keeps resources per runtime. */
const runtimes = new WeakMap<Runtime, Runtime>();

/** Returns the value of the field `Cookie` for a program at the URL `location`; `undefined` for no field. */
export function cookiesFor(url: URL, location: URL, runtime: Runtime): string | undefined {
  return store.fieldFor(url, isSameSite(url, location), runtime.wallNow());
}

/**
 * Without a list of public suffixes, two hosts are the same site if they are equal, or if one is a subdomain of the other.
 */
function isSameSite(url: URL, location: URL): boolean {
  const [one, other] = [`.${url.hostname}`, `.${location.hostname}`];
  const isSameScheme = (url.protocol === "wss:") === (location.protocol === "https:");
  return isSameScheme && (one.endsWith(other) || other.endsWith(one));
}

/** Returns a runtime whose connections store the cookies of responses with the status 101. */
export function storingCookies(runtime: Runtime): Runtime {
  let storing = runtimes.get(runtime);
  if (storing === undefined) {
    storing = {
      now: () => runtime.now(),
      wallNow: () => runtime.wallNow(),
      setTimer: (delay, callback) => runtime.setTimer(delay, callback),
      defer: (callback) => runtime.defer(callback),
      afterTurn: (callback) => runtime.afterTurn(callback),
      random: () => runtime.random(),
      fillRandom: (bytes) => runtime.fillRandom(bytes),
      openTransport: (target, handler) => openTransport(runtime, target, handler),
    };
    runtimes.set(runtime, storing);
  }
  return storing;
}

function openTransport(runtime: Runtime, target: TransportTarget, handler: TransportHandler): Transport {
  let head: string | undefined = "";
  return runtime.openTransport(target, {
    onPhase: (phase) => handler.onPhase(phase),
    onOpen: () => handler.onOpen(),
    onData: (bytes, length) => {
      if (head !== undefined) {
        head += bytes.toString("latin1", 0, length);
        const [, fields] = acceptance.exec(head) ?? [];
        if (fields !== undefined) storeFields(new URL(target.url), fields, runtime.wallNow());
        if (fields !== undefined || head.length > maxHeadSize) head = undefined;
      }
      handler.onData(bytes, length);
    },
    onEnd: () => handler.onEnd(),
    onClose: (error) => handler.onClose(error),
  });
}

function storeFields(url: URL, fields: string, now: number): void {
  for (const [, field] of fields.matchAll(/^set-cookie:(.*)$/gim)) store.store(url, field!.trim(), now);
}
