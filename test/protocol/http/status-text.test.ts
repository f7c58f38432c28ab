import { STATUS_CODES } from "node:http";
import { describe, expect, it } from "vitest";
import { statusText } from "../../../protocol/http/status-text.js";

describe("statusText", () => {
  it("returns the same phrases as node:http", () => {
    for (let statusCode = 100; statusCode < 600; statusCode++) {
      const text = statusText(statusCode);
      if (text !== "") expect(text).toBe(STATUS_CODES[statusCode]);
    }
  });

  it("returns an empty string for other statuses", () => {
    expect(statusText(101)).toBe("Switching Protocols");
    expect(statusText(418)).toBe("");
  });
});
