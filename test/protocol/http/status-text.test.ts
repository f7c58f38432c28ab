import { STATUS_CODES } from "node:http";
import { describe, expect, it } from "vitest";
import { statusText } from "../../../protocol/http/status-text.js";

describe("statusText", () => {
  it("names statuses as everybody does", () => {
    for (let statusCode = 100; statusCode < 600; statusCode++) {
      const text = statusText(statusCode);
      if (text !== "") expect(text).toBe(STATUS_CODES[statusCode]);
    }
  });

  it("has no name for those it never meets", () => {
    expect(statusText(101)).toBe("Switching Protocols");
    expect(statusText(418)).toBe("");
  });
});
