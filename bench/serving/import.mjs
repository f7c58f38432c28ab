/** Nobody connects. */
export function prepare() {
  return { serve: (socket) => socket.destroy(), facts: {} };
}
