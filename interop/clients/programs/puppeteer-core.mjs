// `page.evaluate()` is one message each way.
import puppeteer from "puppeteer-core";

export async function run({ url, drop }) {
  const browser = await puppeteer.connect({ browserWSEndpoint: url });
  const page = await browser.newPage();
  let received = 0;
  while (received < 1000) if ((await page.evaluate((one) => one, received)) === received) received++;
  if ((await page.screenshot()).length < 1000) throw new Error("The screenshot is empty.");
  const lost = new Promise((resolve) => browser.once("disconnected", resolve));
  await drop();
  await lost;
  const second = await puppeteer.connect({ browserWSEndpoint: url });
  if ((await second.pages()).length === 0) throw new Error("The second connection finds no page.");
  await second.disconnect();
  return { received };
}
