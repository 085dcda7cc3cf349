/** Keeps age's secret keys out of texts that may be shown. */

const SECRET = /(AGE-SECRET-KEY-(?:PQ-)?|AGE-PLUGIN-[A-Z0-9+._-]+-)1[A-Z0-9]{6,}/gi

/** The text with every age secret key cut down to its prefix. A last line of defence: no message is written with a secret in it. */
export function redact(text: string): string {
  return text.replace(SECRET, (_, prefix: string) => `${prefix}1…`)
}

/** Does the text hold what looks like an age secret key? */
export function holdsSecret(text: string): boolean {
  return text.search(SECRET) >= 0
}
