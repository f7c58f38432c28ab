import { expect, it } from "vitest";
import { ProxyError } from "../../../protocol/index.js";
import { opened, rejected } from "../../../protocol/proxy/tunnel-handshake.js";

it("a tunnel is open only if nothing follows the answer of the proxy", () => {
  expect(opened(0)).toEqual({ kind: "open" });
  const step = opened(3);
  expect(step.kind === "rejected" && step.error).toMatchObject({ code: "PROXY_EARLY_DATA" });
});

it("a rejection has a ProxyError with its details", () => {
  const step = rejected("PROXY_REFUSED", "no", { statusCode: 502, headers: [["Via", "x"]] });
  const error = step.kind === "rejected" ? step.error : undefined;
  expect(error).toBeInstanceOf(ProxyError);
  expect(error).toMatchObject({ name: "ProxyError", statusCode: 502, headers: [["Via", "x"]] });
});
