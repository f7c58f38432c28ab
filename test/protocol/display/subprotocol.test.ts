import { describe, expect, it } from "vitest";
import { displaySubprotocol } from "../../../protocol/display/subprotocol.js";

describe("displaySubprotocol", () => {
  it.each([
    ["base64url.bearer.authorization.k8s.io.dG9rZW4", "base64url.bearer.***"],
    ["openai-insecure-api-key.sk-abc", "openai-insecure-api-key.***"],
    ["Bearer_abc", "Bearer_***"],
    ["ticket.abc", "ticket.***"],
    ["key.abc", "key.***"],
    ["pwd-abc", "pwd-***"],
    ["auth0abc", "auth***"],
    ["app.auth.abc", "app.auth.***"],
    ["d41d8cd98f00b204e9800998ecf8427e", "***"],
    ["v1.d41d8cd98f00b204e980.x", "v1.***.x"],
    ["eyJhbGciOiJub25lIn0.e30.c2ln", "***"],
  ])("hides the credential in %s", (name, shown) => {
    expect(displaySubprotocol(name)).toBe(shown);
    expect(displaySubprotocol(shown)).toBe(shown);
  });

  it.each([
    "",
    "chat",
    "graphql-transport-ws",
    "actioncable-v1-json",
    "v4.channel.k8s.io",
    "access_token",
    "Bearer",
    "authority.v1",
    "keyframes.v1",
    "passive.v1",
    "wamp.2.json",
    "openai-beta.realtime-v1",
  ])("shows %s", (name) => {
    expect(displaySubprotocol(name)).toBe(name);
  });
});
