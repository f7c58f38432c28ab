/** No client connects in this scenario. */
export function prepare() {
  return { serve: (socket) => socket.destroy(), facts: {} };
}
