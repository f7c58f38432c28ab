// A minimal extension for handshake tests, with one parameter. A connection cannot use it.
import { HandshakeError } from "../../../protocol/errors.js";
import type {
  AgreedExtension,
  ExtensionAcceptor,
  ExtensionOffer,
  ExtensionParameter,
} from "../../../protocol/extensions/extension.js";

function agreed(name: string, parameters: readonly ExtensionParameter[]): AgreedExtension {
  const written = parameters.map(([key, value]) => (value === true ? key : `${key}=${value}`));
  return {
    header: [name, ...written].join("; "),
    open: () => {
      throw new Error("The handshake must not open an extension.");
    },
  };
}

const hasLevel = (parameters: readonly ExtensionParameter[], level: string): boolean =>
  parameters.some(([name, value]) => name === "level" && value === level);

/** Returns an offer of `level` that only accepts an answer with the same level. */
export function levelOffer(name: string, level = "1"): ExtensionOffer {
  return {
    name,
    header: `${name}; level=${level}`,
    agree: (parameters) => {
      if (hasLevel(parameters, level)) return agreed(name, parameters);
      throw new HandshakeError(`Level ${level} was offered.`, { code: "EXTENSION_MISMATCH", cause: "level" });
    },
  };
}

/** Returns an acceptor that accepts the first offer with `level`. */
export function levelAcceptor(name: string, level = "1"): ExtensionAcceptor {
  return {
    name,
    accept: (parameters) => (hasLevel(parameters, level) ? agreed(name, parameters) : undefined),
  };
}
