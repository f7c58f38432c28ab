import * as zlib from "node:zlib";
import { expect, it } from "vitest";
import * as own from "../../../../protocol/extensions/permessage-deflate/node-zlib.js";

it("has the same constants as this version of Node", () => {
  expect(zlib.constants).toMatchObject(own.constants);
});

it("passes its arguments to zlib", () => {
  const text = Buffer.from("jetsocket jetsocket jetsocket");
  const deflated = own.deflateRawSync(text, { level: 9 });
  expect(deflated).toEqual(zlib.deflateRawSync(text, { level: 9 }));
  expect(own.inflateRawSync(deflated)).toEqual(text);
  for (const stream of [own.createDeflateRaw({ level: 1 }), own.createInflateRaw()]) stream.destroy();
});
