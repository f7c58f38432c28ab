export const kibibyte = 1024;
export const mebibyte = 1024 * kibibyte;

/** ASCII that repeats itself. @returns {import("../payloads.mjs").Payload} */
export const text = (size) => ({ type: "text", size });

/** Text beyond ASCII. @returns {import("../payloads.mjs").Payload} */
export const words = (size) => ({ type: "text", size, content: "words" });

/** JSON, each message another one. @returns {import("../payloads.mjs").Payload} */
export const feed = (size) => ({ type: "text", size, content: "feed" });

/** Text with a sequence number. @returns {import("../payloads.mjs").Payload} */
export const numbered = (size) => ({ type: "text", size, content: "numbered" });

/** @returns {import("../payloads.mjs").Payload} */
export const bytes = (size) => ({ type: "binary", size });
