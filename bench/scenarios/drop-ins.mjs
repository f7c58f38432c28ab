// The scenarios and clients of the option `--drop-ins`: the classes that replace other classes, and those classes.
export const dropInClients = ["jetsocket-whatwg", "jetsocket-ws", "ws", "undici", "node-24"];

/** Receives and sends text and bytes of two sizes: many messages per read or tick, and one. */
export const dropInScenarios = ["128B", "64KiB"].flatMap((size) => [
  ...[`recv-text-${size}`, `recv-binary-${size}`, `recv-single-${size}`, `recv-single-binary-${size}`],
  ...[`send-text-${size}`, `send-binary-${size}`, `send-tick-text-${size}`, `send-tick-binary-${size}`],
]);
