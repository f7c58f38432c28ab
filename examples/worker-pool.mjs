// A pool of connections to workers that each do one job at a time: 40 jobs over three connections. A job that crashes its
// worker is done again on another connection.
import { createPool } from "jetsocket/pool";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ job: number, text: string } | { reset: number }} Request */
/** @typedef {{ job: number, result: string } | { reset: number }} Reply */

let open = 0;
let most = 0;
let crashes = 0;
const server = await serve({
  onConnection: (peer) => {
    most = Math.max(most, ++open);
    peer.onGone = () => open--;
    peer.onMessage = (data) => {
      /** @type {Request} */
      const request = JSON.parse(String(data));
      if ("reset" in request) peer.send(JSON.stringify(request));
      else if (request.job === 7 && crashes++ === 0) peer.reset();
      else peer.send(JSON.stringify({ job: request.job, result: request.text.toUpperCase() }));
    };
  },
});

let resets = 0;
/** @type {import("jetsocket/pool").Pool<Reply, Request>} */
const pool = createPool({
  url: server.url,
  max: 3,
  // The worker answers in order. So after this answer no answer to the job before can arrive.
  reset: async (connection) => {
    const mark = ++resets;
    await connection.send({ reset: mark });
    await connection.recv({ match: (reply) => "reset" in reply && reply.reset === mark });
  },
});

/** @param {number} job @returns {Promise<string>} */
async function run(job, attempt = 1) {
  // In TypeScript and from Node 24 on: `await using lease = await pool.acquire()`.
  const lease = await pool.acquire();
  try {
    await lease.send({ job, text: `job ${job}` });
    const reply = await lease.recv({ timeout: 5_000 });
    if ("result" in reply) return reply.result;
  } catch (error) {
    if (attempt === 3) throw error;
    console.log(`Job ${job} is done again`);
  } finally {
    await lease.release();
  }
  return run(job, attempt + 1);
}

const results = await Promise.all(Array.from({ length: 40 }, (_, job) => run(job)));
console.log(results.slice(6, 9).join(", "));
const { connectCount, leaseCount, messagesSent } = pool.stats();
console.log(`${results.length} jobs, at most ${most} connections at once`);
console.log(`${connectCount} connections, ${leaseCount} leases, ${messagesSent} messages`);
await pool.close();
console.log(`${open} connections are left`);
server.close();
