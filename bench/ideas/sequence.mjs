// Compares ways to read a sequence number from a text that was sliced from a larger string or decoded by itself.
import { compare } from "./harness.mjs";

const perRun = 62;
const message = (number) =>
  `{"sequence":${100_000_000 + number},"trade":{"symbol":"BTC-USD","price":"64000.25","quantity":"0.0125","side":"buy","venue":"x","id":"12"}}`;
const { length } = message(0);
const bytes = Buffer.from(Array.from({ length: perRun }, (_, number) => message(number)).join(""));
const run = bytes.latin1Slice(0, bytes.length);
const ends = (at) => [at * length, (at + 1) * length];
const texts = {
  cut: Array.from({ length: perRun }, (_, at) => run.slice(...ends(at))),
  "by itself": Array.from({ length: perRun }, (_, at) => bytes.latin1Slice(...ends(at))),
};

const begin = '{"sequence":'.length;
const end = begin + 9;

function digits(text) {
  let number = 0;
  for (let at = begin; at < end; at++) number = number * 10 + text.charCodeAt(at) - 48;
  return number;
}

function digitsUntil(text) {
  let number = 0;
  for (let at = begin; ; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return number;
    number = number * 10 + digit;
  }
}

const ways = {
  "nothing read": () => 0,
  "charCodeAt, at a place": digits,
  "charCodeAt, to the end of it": digitsUntil,
  "Number(slice)": (text) => Number(text.slice(begin, end)),
  "parseInt(slice)": (text) => Number.parseInt(text.slice(begin, end), 10),
  "indexOf, Number(slice)": (text) => Number(text.slice(text.indexOf(":") + 1, text.indexOf(","))),
  "regular expression": (text) => Number(/"sequence":(\d+)/.exec(text)[1]),
  "JSON.parse": (text) => JSON.parse(text).sequence,
};

for (const [kind, all] of Object.entries(texts)) {
  const runs = Object.entries(ways).map(([name, sequence]) => [
    name,
    (times) => {
      let sum = 0;
      for (let count = 0; count < times; count++) sum += sequence(all[count % perRun]);
      return sum;
    },
  ]);
  await compare(`A number read from a text of ${length} B, ${kind}`, { "": Object.fromEntries(runs) });
}
