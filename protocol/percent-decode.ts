// Decodes percent-encoded text. It does not decode characters: each byte becomes one character.

/** Decodes each percent-encoded byte of an ASCII text to the character with the code of this byte. */
export function percentDecode(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
