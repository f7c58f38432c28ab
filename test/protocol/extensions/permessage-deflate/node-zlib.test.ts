import * as zlib from "node:zlib";
import { expect, it } from "vitest";
import * as nodeZlib from "../../../../protocol/extensions/permessage-deflate/node-zlib.js";

it("has the same constants as this version of Node", () => {
  expect(zlib.constants).toMatchObject(nodeZlib.constants);
});

it("passes its arguments to zlib", () => {
  const text = Buffer.from("jetsocket jetsocket jetsocket");
  const deflated = nodeZlib.deflateRawSync(text, { level: 9 });
  expect(deflated).toEqual(zlib.deflateRawSync(text, { level: 9 }));
  expect(nodeZlib.inflateRawSync(deflated)).toEqual(text);
  for (const stream of [nodeZlib.createDeflateRaw({ level: 1 }), nodeZlib.createInflateRaw()])
    stream.destroy();
});
