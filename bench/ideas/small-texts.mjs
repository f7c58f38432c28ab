// Compares ways to write a burst of small texts into one buffer, with space for a header before each: one `utf8Write`
// per text, character by character with masking, or one call for a joined string.
import { compare, sizeName } from "./harness.mjs";

const count = 64;
const memory = Buffer.allocUnsafeSlow(256 * 1024);
const room = "\0".repeat(8);

/** The harness counts texts; this runs `burst` once per burst of texts. */
function inBursts(burst) {
  let owed = 0;
  return (times) => {
    for (owed += times; owed >= count; owed -= count) burst();
  };
}

function byCharacter(text, start, key) {
  let seen = 0;
  let rotated = key;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    seen |= code;
    memory[start + index] = code ^ rotated;
    rotated = (rotated >>> 8) | (rotated << 24);
  }
  return seen < 0x80;
}

const rows = {};
for (const size of [8, 16, 32, 128, 1024]) {
  const texts = Array.from({ length: count }, (_, index) =>
    Buffer.alloc(size, `${index} of a burst, `).toString(),
  );
  const write = (place) => {
    let at = 0;
    for (const text of texts) {
      at += room.length;
      place(text, at);
      at += size;
    }
  };
  rows[sizeName(size)] = {
    "utf8Write each": inBursts(() => write((text, at) => memory.utf8Write(text, at, memory.length - at))),
    "by characters, masked": inBursts(() => write((text, at) => byCharacter(text, at, 0x12345678))),
    "joined, one utf8Write": inBursts(() => memory.utf8Write(texts.join(room), room.length)),
  };
}
await compare("A text of a burst", rows);
