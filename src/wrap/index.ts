/** Vault -> Vault, one concern each: the door of `perdure/wrap`. */

export type { Sleep } from '../bytes/pause.ts'
export { type LimitedOptions, limited } from './limited.ts'
export { type Meter, metered } from './metered.ts'
export { observed, type VaultEvent, type Verb } from './observed.ts'
export { readOnly } from './read-only.ts'
export { type RetryingOptions, retrying } from './retrying.ts'
