import { expect, it } from "vitest";
import {
  closingTimedOut,
  forgottenPing,
  inboxOverflow,
  messageStalled,
} from "../../src/connection/failures.js";

it.each([
  [
    messageStalled(5),
    { code: "MESSAGE_STALLED", closeCode: 1008 },
    /1 KiB of progress in 5 ms.*messageTimeout/,
  ],
  [inboxOverflow(7), { code: "INBOX_OVERFLOW", closeCode: 1008 }, /More than 7 .*buffer\.capacity/],
  [closingTimedOut(9, false), { operation: "close", timeoutMs: 9 }, /did not answer our Close in the 9 ms/],
  [closingTimedOut(9, true), { operation: "close", timeoutMs: 9 }, /did not take our Close in the 9 ms/],
  [forgottenPing(), { code: "BUFFER_OVERFLOW" }, /forgotten.*Await ping\(\)/],
])("%s", (error, details, message) => {
  expect(error).toMatchObject(details);
  expect(error.message).toMatch(message);
});
