// The folders of the source, and what each may import. It does not read the source.

const values = ["protocol", "events", "errors"];
const ports = [...values, "runtime"];
const base = [...ports, "options", "redaction"];

/**
 * The folders, each with the folders that its files may import. A file that no entry covers fails the test.
 * `client/message-hub` is a single file with a place of its own: it composes the folders of receiving and sending, and the
 * lifecycle uses it.
 */
export const folders: Readonly<Record<string, readonly string[]>> = {
  protocol: [],

  // Shared vocabulary, in an order of its own.
  events: ["protocol"],
  errors: ["protocol", "events"],
  runtime: values,
  options: ports,
  redaction: [...ports, "options"],
  transport: base,
  connection: [...base, "transport"],

  // Layers without sockets and timers. They do not import each other; the client composes them.
  reconnect: base,
  heartbeat: base,
  buffer: base,
  stats: base,

  "client/reporting": [...base, "transport", "connection", "stats"],
  "client/sending": [...base, "connection", "buffer"],
  "client/receiving": [...base, "connection", "buffer"],
  "client/connection": [...base, "transport", "connection", "heartbeat"],
  "client/message-hub": [
    ...[...base, "connection", "buffer", "stats"],
    ...["client/reporting", "client/sending", "client/receiving", "client/connection"],
  ],
  "client/lifecycle": [
    ...[...base, "transport", "connection", "reconnect", "stats"],
    ...["client/reporting", "client/connection", "client/message-hub"],
  ],
  client: [
    ...[...base, "transport", "connection", "buffer", "stats"],
    ...["client/reporting", "client/sending", "client/receiving", "client/connection"],
    ...["client/message-hub", "client/lifecycle"],
  ],

  // Built on the public interfaces only: `jetsocket`, and `jetsocket/protocol` to load modules of Node.
  ws: ["index", "protocol"],

  // An entry point of its own: the test kit uses the ports and does not use the client.
  testing: [...base, "transport"],
  // An entry point of its own, built on the public interface of the client alone.
  channels: ["index"],
  // It shares the listeners and the abort signals of channels.
  pool: ["index", "channels"],
  presets: [],
  // An entry point of its own, built on the public interface.
  whatwg: ["index"],
  index: [...base, "connection", "stats", "client/sending", "client/receiving", "client"],
};

/** The entry of {@link folders} that covers a file. */
export function folderOf(file: string): string {
  const [top, first = "", second = "", third] = file.split("/");
  if (top === "protocol") return "protocol";
  if (first !== "client") return first.replace(/\.ts$/, "");
  const name = `client/${second.replace(/\.ts$/, "")}`;
  return third !== undefined || name in folders ? name : "client";
}
