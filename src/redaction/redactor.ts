/**
 * Hides secrets in all texts that a client shows: in events, reports, errors, diagnostics and warnings. It applies the
 * option `redact`, or the rule of `protocol/display/`. It does not decide which texts are shown.
 */
import {
  displayField,
  displaySubprotocol,
  escapeControls,
  type FieldRule,
  redactText,
  type WebSocketUri,
} from "../../protocol/index.js";
import type { Redact, RedactKind } from "../options/options.js";
import { nodeUtil } from "../runtime/node-modules.js";
import { redactError } from "./redacted-error.js";

const hidden = "***";

/**
 * Most credentials that are remembered, unless more are in use. A client may send others at each attempt.
 */
const maxSecrets = 256;

/** Shortest start of a credential that is hidden, in UTF-16 code units. Shorter ones occur in words. */
const minStart = 4;

/** Hides the secrets of one client. */
export class Redactor {
  readonly #hook: Redact | undefined;
  #secrets: readonly string[] = [];
  /** The credentials of each attempt and each connection that has not ended. */
  #inUse: Map<object, readonly string[]> | undefined;
  /** What is shown of an error. A program may refuse many messages with one error, such as that of an aborted signal. */
  #shownErrors: WeakMap<Error, { readonly message: string; readonly shown: unknown }> = new WeakMap();

  /** @param hook - The option `redact`. */
  constructor(hook: Redact | undefined) {
    this.#hook = hook;
  }

  /**
   * @param secrets - Credentials that are sent. Without a hook they are replaced in every text but a URL.
   * @param user - The connection that sends them. They are remembered at least until {@link release} is called.
   */
  learn(secrets: readonly string[], user: object): void {
    if (secrets.length === 0) return;
    this.#inUse ??= new Map();
    this.#inUse.set(user, [...secrets, ...(this.#inUse.get(user) ?? [])]);
    const used = new Set([...this.#inUse.values()].flat());
    const all = new Set([...used, ...this.#secrets]);
    this.#secrets = [...all].slice(0, Math.max(maxSecrets, used.size));
    this.#shownErrors = new WeakMap();
  }

  /** The connection has ended, or its attempt has failed. Its credentials are forgotten after those of later ones. */
  release(user: object): void {
    this.#inUse?.delete(user);
  }

  url({ href, display }: WebSocketUri): string {
    return this.#hook === undefined ? display : escapeControls(this.#ask(href, "url"));
  }

  /** Hides secrets in a message of this package that shows a text of the peer by the default rule. */
  message(message: string): string {
    return this.#hook === undefined ? this.#withoutSecrets(message) : this.#ask(message, "error");
  }

  /** Hides secrets in a text that is not a URL or a header field. */
  text(text: string, kind: Exclude<RedactKind, "url" | "header">): string {
    if (text === "") return text;
    if (this.#hook !== undefined) return this.#ask(text, kind);
    const known = this.#withoutSecrets(text);
    return kind === "subprotocol" ? displaySubprotocol(known) : redactText(known);
  }

  /** Hides secrets in the start of a longer text. The cut may have left only the start of a credential. */
  start(text: string, kind: Exclude<RedactKind, "url" | "header">): string {
    if (this.#hook !== undefined) return this.text(text, kind);
    let size = 0;
    for (const secret of this.#secrets)
      for (let length = Math.min(secret.length, text.length); length >= minStart && length > size; length--)
        if (text.endsWith(secret.slice(0, length))) size = length;
    return this.text(size === 0 ? text : `${text.slice(0, -size)}${hidden}`, kind);
  }

  /** The rule for header fields. */
  readonly field: FieldRule = (value, name) => {
    if (this.#hook !== undefined) return this.#ask(value, "header", name);
    return displayField(this.#withoutSecrets(value), name);
  };

  /** Returns an error of the application or of Node without secrets: the error itself, or a copy. */
  error<Thrown>(thrown: Thrown): Thrown {
    const message = messageOf(thrown);
    if (message === undefined) return this.#redact(thrown);
    const known = this.#shownErrors.get(thrown as Error);
    if (known?.message === message) return known.shown as Thrown;
    const shown = this.#redact(thrown);
    this.#shownErrors.set(thrown as Error, { message, shown });
    return shown;
  }

  #redact<Thrown>(thrown: Thrown): Thrown {
    return redactError(thrown, (text) => this.text(text, "error"), this.field) as Thrown;
  }

  #withoutSecrets(text: string): string {
    // A credential may contain a shorter one.
    const longestFirst = [...this.#secrets].sort((first, second) => second.length - first.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, hidden), text);
  }

  /** The hook is a function of the application. If it fails, nothing of the text is shown. */
  #ask(text: string, kind: RedactKind, name?: string): string {
    try {
      const shown: unknown = this.#hook!(text, kind, name);
      if (typeof shown === "string") return shown;
      // The rejection of an async function would otherwise end the process.
      if (nodeUtil().types.isPromise(shown)) shown.catch(() => undefined);
    } catch {
      // Also a promise of the application may throw.
    }
    return hidden;
  }
}

/** Returns `undefined` for a value that is not an error, or whose message cannot be read. */
function messageOf(thrown: unknown): string | undefined {
  try {
    return thrown instanceof Error ? thrown.message : undefined;
  } catch {
    return undefined;
  }
}

/** The redactor of all clients without the option `redact`. */
export const defaultRedactor: Redactor = new Redactor(undefined);

export function redactorOf(hook: Redact | undefined): Redactor {
  return hook === undefined ? defaultRedactor : new Redactor(hook);
}
