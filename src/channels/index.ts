/**
 * Many channels over one connection, and requests with answers, built on the public interface of the client. This module
 * only exports the public interface.
 *
 * @packageDocumentation
 */
export { Channel, type ChannelEventMap } from "./channel.js";
export { ChannelError, RequestError } from "./errors.js";
export { channels, Feed, type FeedStats, Requester, requests } from "./feed.js";
export type { FeedEventMap, UnroutedCause } from "./hub.js";
export type { FeedListener } from "./listeners.js";
export type * from "./options.js";
