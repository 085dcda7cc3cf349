/** What a text that should be an age key is, by its form alone. Pure; whether its checksum holds is for age to say. */

export type KeyForm =
  | 'identity'
  | 'hybrid-identity'
  | 'plugin-identity'
  | 'recipient'
  | 'hybrid-recipient'
  | 'plugin-recipient'
  | 'ssh-identity'
  | 'ssh-recipient'
  | 'other'

/** In order: the first that matches decides. A plugin's recipient is `age1NAME1…`, and `1` never stands in the rest of a native one. */
const FORMS: readonly (readonly [RegExp, KeyForm])[] = [
  [/^AGE-SECRET-KEY-PQ-1/i, 'hybrid-identity'],
  [/^AGE-SECRET-KEY-/i, 'identity'],
  [/^AGE-PLUGIN-/i, 'plugin-identity'],
  [/^age1(pq|tagpq)1/i, 'hybrid-recipient'],
  [/^age1(tag1)?[^1]*$/i, 'recipient'],
  [/^age1[a-z0-9+._-]+1/i, 'plugin-recipient'],
  [/^ssh-|^ecdsa-sha2-|^sk-ssh-/, 'ssh-recipient'],
  [/^-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'ssh-identity'],
]

/** The form of one key, without white space around it. */
export function formOf(text: string): KeyForm {
  return FORMS.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'
}

/** Is it the secret half of a key, of whatever kind? */
export function isIdentityForm(form: KeyForm): boolean {
  return form.endsWith('identity')
}

/** The keys of a text as age writes them, one a line; empty lines and those that begin with `#` are left out. */
export function keyLines(text: string): readonly { readonly line: number; readonly key: string }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((key, index) => ({ line: index + 1, key: key.trim() }))
    .filter(({ key }) => key !== '' && !key.startsWith('#'))
}

/** An identity file as `age-keygen` writes it. */
export function identityText(key: { readonly secret: string; readonly recipient: string; readonly created: string }): string {
  return `# created: ${key.created}\n# public key: ${key.recipient}\n${key.secret}\n`
}
