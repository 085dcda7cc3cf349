/** The door: what `import … from 'perdure'` offers. */
export { createArchive, recoverArchive } from './archive.ts'
export { fromPath } from './bytes/source.ts'
export type * from './contracts.ts'
export * from './errors.ts'
export { verifyCertificate } from './format/certificate.ts'
export { verifyReceipt } from './format/receipt.ts'
export { directory } from './vaults/directory.ts'
export { memory } from './vaults/memory.ts'
