/**
 * The server sends as fast as it can; the CPU time of this process, all threads, is taken from the first
 * message behind the warm-up to the last.
 *
 * @param {{ receive: (url: string, onText: (text: string) => void) => Promise<() => void> }} client
 * @param {import("../scenarios.mjs").Scenario} scenario
 * @param {string} url
 * @returns {Promise<{ microsecondsPerMessage: number }>}
 */
export async function measure(client, { payload, warmUp, messages }, url) {
  let count = 0;
  let characters = 0;
  let begun;
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const disconnect = await client.receive(url, (text) => {
    characters += text.length;
    count++;
    if (count === warmUp) begun = process.cpuUsage();
    else if (count === warmUp + messages) finish(process.cpuUsage(begun));
  });
  const { user, system } = await finished;
  disconnect();
  const expected = (warmUp + messages) * payload.size;
  if (characters !== expected) throw new Error(`${characters} characters came, not ${expected}`);
  return { microsecondsPerMessage: (user + system) / messages };
}
