/** Creates the errors of the subscriptions of one connection. It does not decide what follows an error. */
import { ChannelError } from "./errors.js";

export function functionError(kind: string, cause: unknown): ChannelError {
  const message = `The option ${kind} failed, or its message cannot be sent. See the cause of this error.`;
  return new ChannelError(message, { code: "CHANNEL_FUNCTION_FAILED", cause });
}

export function refusalError(channel: string, reason: unknown): ChannelError {
  const message = `The server refused the channel ${JSON.stringify(channel)}. See the property "reason" of this error.`;
  return new ChannelError(message, { code: "REFUSED", channel, reason });
}

export function timeoutError(channel: string, ackTimeout: number): ChannelError {
  const message =
    `The server did not acknowledge the channel ${JSON.stringify(channel)} within ${ackTimeout} ms. Check isAck, or ` +
    `set a larger ackTimeout.`;
  return new ChannelError(message, { code: "ACK_TIMEOUT", channel });
}
