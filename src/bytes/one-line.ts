/** Foreign text for a message of our own. */

/** On one line, cut off where it is longer than `most` characters. */
export function oneLine(text: string, most: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > most ? `${line.slice(0, most)}…` : line
}
