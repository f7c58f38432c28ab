// Short names for the payloads of scenarios.
export const kibibyte = 1024;
export const mebibyte = 1024 * kibibyte;

/** Repetitive ASCII text. @returns {import("../payloads.mjs").Payload} */
export const text = (size) => ({ type: "text", size });

/** Text with non-ASCII characters. @returns {import("../payloads.mjs").Payload} */
export const words = (size) => ({ type: "text", size, content: "words" });

/** JSON, different in each message. @returns {import("../payloads.mjs").Payload} */
export const feed = (size) => ({ type: "text", size, content: "feed" });

/** Text with a sequence number. @returns {import("../payloads.mjs").Payload} */
export const numbered = (size) => ({ type: "text", size, content: "numbered" });

/** @returns {import("../payloads.mjs").Payload} */
export const bytes = (size) => ({ type: "binary", size });
