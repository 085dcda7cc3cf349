/** The published conformance suite: framework-free cases for vaults and catalogs. */
export * from './catalog.ts'
export { type SampleOptions, samplePack } from './fixture.ts'
export { type VaultCase, type VaultContext, vaultCases } from './vault.ts'
