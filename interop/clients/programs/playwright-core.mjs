// `page.evaluate()` is one message each way.
import { chromium } from "playwright-core";

export async function run({ url, drop }) {
  const browser = await chromium.connectOverCDP(url);
  const page = await browser.newPage();
  let received = 0;
  while (received < 1000) if ((await page.evaluate((one) => one, received)) === received) received++;
  const lost = new Promise((resolve) => browser.once("disconnected", resolve));
  await drop();
  await lost;
  const second = await chromium.connectOverCDP(url);
  if (second.contexts().length === 0) throw new Error("The second connection finds no context.");
  return { received };
}
