/** Checking, without an archive, that an entry is in a log that was signed. */
import type { InclusionProof } from '../contracts.ts'
import { openCheckpoint } from './checkpoint.ts'
import { encodeEntry } from './log-entry.ts'
import { leafHash } from './merkle.ts'
import { verifyInclusion } from './merkle-verify.ts'
import { decodeExactly } from './note.ts'

/** Is the entry in the log of that checkpoint, and did that key sign it? False for anything malformed. */
export async function verifyLogged(claim: InclusionProof, publicKey: Uint8Array): Promise<boolean> {
  try {
    const { size, root } = await openCheckpoint(claim.checkpoint, publicKey)
    const proof = claim.proof.map(decodeExactly).filter((hash) => hash !== undefined)
    if (size !== claim.size || proof.length !== claim.proof.length) return false
    return verifyInclusion({ index: claim.index, size, leaf: leafHash(encodeEntry(claim.entry)), proof, root })
  } catch {
    // Whatever cannot be read shows nothing.
    return false
  }
}
