/** CIDs in foreign text. */
import { CID } from 'multiformats/cid'

/** Undefined for what is none. */
export function cidIn(text: string | undefined): CID | undefined {
  try {
    return text === undefined ? undefined : CID.parse(text)
  } catch {
    return undefined
  }
}
