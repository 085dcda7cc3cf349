/** The interfaces between the parts: types only, no code. Everything else in the library imports from here or from `errors.ts`. */
export type * from './contracts/archive.ts'
export type * from './contracts/catalog.ts'
export type * from './contracts/options.ts'
export type * from './contracts/policy.ts'
export type * from './contracts/recipients.ts'
export type * from './contracts/shred.ts'
export type * from './contracts/source.ts'
export type * from './contracts/vault.ts'
