/** What our transactions say of themselves in public: names that are public anyway, and nothing of what is sealed. */
import type { CID } from 'multiformats/cid'
import type { Pack, PackKind } from '../../contracts.ts'
import { cidIn } from './cid.ts'

export interface Tag {
  readonly name: string
  readonly value: string
}

const APP = 'perdure'
/** Of these tags, not of the program: they are read by every later version. */
const APP_VERSION = '1'

export const PACK_TAG = 'Pack-CID'

export const tagsOf = (pack: Pick<Pack, 'name' | 'kind' | 'root'>): readonly Tag[] => [
  { name: 'App-Name', value: APP },
  { name: 'App-Version', value: APP_VERSION },
  { name: 'Content-Type', value: 'application/vnd.ipld.car; version=1' },
  { name: PACK_TAG, value: pack.name.toString() },
  { name: 'Pack-Kind', value: pack.kind },
  { name: 'Root-CID', value: pack.root.toString() },
]

/** What to look for in an index: all of ours, or one pack. */
export const filterFor = ({ name, kind }: { readonly name?: CID | undefined; readonly kind?: PackKind | undefined }) => [
  { name: 'App-Name', values: [APP] },
  ...(name ? [{ name: PACK_TAG, values: [name.toString()] }] : []),
  ...(kind ? [{ name: 'Pack-Kind', values: [kind] }] : []),
]

/** Which pack the tags name; undefined where they are not ours. */
export function packIn(tags: readonly Tag[]): { readonly name: CID; readonly kind: PackKind } | undefined {
  const value = (name: string) => tags.find((tag) => tag.name === name)?.value
  const name = cidIn(value(PACK_TAG))
  const kind = value('Pack-Kind')
  if (value('App-Name') !== APP || !name || (kind !== 'content' && kind !== 'index')) return undefined
  return { name, kind }
}
