/**
 * A pool of connections with leases, built on the public interface of the client. This module only exports the public
 * interface.
 *
 * @packageDocumentation
 */
export { Lease, PooledConnection } from "./connection.js";
export { PoolClosedError, PoolError, PoolExhaustedError } from "./errors.js";
export type * from "./options.js";
export { createPool, Pool } from "./pool.js";
