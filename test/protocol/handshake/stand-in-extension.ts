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
      throw new Error("The handshake opens no extension.");
    },
  };
}

const hasLevel = (parameters: readonly ExtensionParameter[], level: string): boolean =>
  parameters.some(([name, value]) => name === "level" && value === level);

/** Offers `level`, and takes no answer with another one. */
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

/** Takes the first offer with `level`. */
export function levelAcceptor(name: string, level = "1"): ExtensionAcceptor {
  return {
    name,
    accept: (parameters) => (hasLevel(parameters, level) ? agreed(name, parameters) : undefined),
  };
}
