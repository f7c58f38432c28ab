// Compares ways to write bursts of frames to a reading process over loopback: number of writes and of segments.
import { once } from "node:events";
import { connect } from "node:net";
import { compare, sizeName } from "./harness.mjs";
import { startPeer } from "./peer.mjs";

const socket = connect(await startPeer("reader"), "127.0.0.1");
await once(socket, "connect");
const frameSizes = { 128: 1000, 16384: 64, 65536: 64, 1048576: 8 };

/** Resolves when all bytes have been written. */
const written = () => new Promise((resolve) => socket.write("", resolve));

/** Writes each frame separately. Copies the payload as a substitute for masking it. */
function eachFrame(payload) {
  const frame = Buffer.concat([Buffer.alloc(8), payload]);
  return (count) => {
    for (let at = 0; at < count; at++) socket.write(Buffer.from(frame));
    return written();
  };
}

function corked(payload) {
  return (count) => {
    socket.cork();
    for (let at = 0; at < count; at++) {
      socket.write(Buffer.alloc(8));
      socket.write(Buffer.from(payload));
    }
    socket.uncork();
    return written();
  };
}

/** Copies frames into a reused segment. The segment is filled again when the kernel has accepted its bytes. */
function segments(payload, segmentSize) {
  const header = Buffer.alloc(8);
  const segment = Buffer.allocUnsafeSlow(segmentSize);
  return async (count) => {
    let used = 0;
    const push = async (bytes) => {
      for (let done = 0; done < bytes.length;) {
        if (used === segmentSize) await flush();
        const size = Math.min(segmentSize - used, bytes.length - done);
        segment.set(size === bytes.length ? bytes : bytes.subarray(done, done + size), used);
        used += size;
        done += size;
      }
    };
    const flush = async () => {
      const piece = segment.subarray(0, used);
      if (!socket.write(piece)) await once(socket, "drain");
      used = 0;
    };
    for (let at = 0; at < count; at++) {
      const room = segmentSize - used;
      if (room >= header.length + payload.length) {
        segment.set(header, used);
        segment.set(payload, used + header.length);
        used += header.length + payload.length;
      } else {
        await push(header);
        await push(payload);
      }
    }
    await flush();
    return written();
  };
}

const rows = {};
for (const [size, count] of Object.entries(frameSizes)) {
  const payload = Buffer.alloc(Number(size), 1);
  const bursts = (burst) => async (times) => {
    for (let done = 0; done < times; done += count) await burst(Math.min(count, times - done));
  };
  rows[`${count} of ${sizeName(Number(size))}`] = {
    "a write each": bursts(eachFrame(payload)),
    "cork, one writev": bursts(corked(payload)),
    "segments of 64 KiB": bursts(segments(payload, 64 * 1024)),
    "segments of 256 KiB": bursts(segments(payload, 256 * 1024)),
  };
}
await compare("A frame written", rows);
socket.destroy();
