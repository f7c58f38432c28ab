import { describe, expect, it } from "vitest";
import { isSecretName } from "../../../protocol/display/secret-name.js";

describe("isSecretName", () => {
  it.each(
    (
      "token access_token X-Amz-Security-Token tokens key api_key apiKey APIKEY api-key listenKey keys key2 " +
      "AccessKeyId secret client_secret signature X-Amz-Signature sig X-Amz-Credential password passwd passphrase " +
      "passcode pass pwd pin otp auth oauth basicAuth authorization authentication ticket jwt session sessionId sid " +
      "code hmac CB-ACCESS-SIGN bearer ToKeN tk rt Cookie Set-Cookie WWW-Authenticate Authorization"
    ).split(" "),
  )("is true for %s", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(
    "author keyframe encode compass symbol stream id user assignment spin Keep-Alive Server".split(" "),
  )("is false for %s", (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});
