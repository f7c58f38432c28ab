// The server is Chromium itself. `page.evaluate()` is one message each way.
import { spawn } from "node:child_process";
import chromiumBinary from "@sparticuz/chromium";
import { chromium } from "playwright-core";

export async function run() {
  const args = [...chromiumBinary.args, "--remote-debugging-port=0"];
  const child = spawn(await chromiumBinary.executablePath(), args, { stdio: ["ignore", "ignore", "pipe"] });
  const endpoint = await new Promise((resolve) => {
    let text = "";
    child.stderr.on("data", (bytes) => {
      text += bytes;
      const found = /DevTools listening on (\S+)/.exec(text);
      if (found) resolve(found[1]);
    });
  });
  const browser = await chromium.connectOverCDP(endpoint);
  const page = await browser.newPage();
  let received = 0;
  while (received < 1000) if ((await page.evaluate((one) => one, received)) === received) received++;
  const second = await chromium.connectOverCDP(endpoint);
  const lost = new Promise((resolve) => second.once("disconnected", resolve));
  child.kill();
  await lost;
  return { received, accepted: 2 };
}
