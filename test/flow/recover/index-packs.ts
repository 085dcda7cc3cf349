/** Index packs of memory vaults, as tests look into them and change them. */
import * as cbor from '@ipld/dag-cbor'
import { addressOf, DAG_CBOR } from '../../../src/format/address.ts'
import { readCar } from '../../../src/format/car-read.ts'
import { packOf } from '../../../src/format/pack.ts'
import type { Member } from '../house.ts'

export const indexOf = (member: Member): readonly string[] => [...member.store.keys()].filter((at) => at.startsWith('index/'))

export interface Part {
  readonly cid: ReturnType<typeof addressOf>
  readonly bytes: Uint8Array
}

export async function blocksOf(car: Uint8Array): Promise<readonly Part[]> {
  const chunks = (async function* () {
    yield car
  })()
  const found: Part[] = []
  for await (const { cid, bytes } of (await readCar(chunks, { maxBlockBytes: 1 << 24 })).blocks) found.push({ cid, bytes })
  return found
}

export type Fields = Record<string, unknown>
export const fieldsOf = ({ cid, bytes }: Part): Fields => (cid.code === DAG_CBOR ? (cbor.decode<Fields>(bytes) ?? {}) : {})

/** Changes blocks of an index pack of a member and stores it under the name that it has then, or under the old one. */
export async function rewrite(
  member: Member,
  at: string,
  change: (fields: Fields) => Fields | undefined,
  { keepName = false } = {},
): Promise<string> {
  const parts = (await blocksOf(member.store.get(at) ?? new Uint8Array())).map((part) => {
    const changed = change(fieldsOf(part))
    if (changed === undefined) return part
    const bytes = cbor.encode(changed)
    return { cid: keepName ? part.cid : addressOf(bytes, DAG_CBOR), bytes }
  })
  const { name, bytes } = packOf((parts.at(-1) as Part).cid, parts)
  const to = keepName ? at : `index/${name}`
  member.store.set(to, new Uint8Array(bytes))
  return to
}

/** Flips a bit in the first block that the test accepts. */
export async function damage(member: Member, at: string, accepts: (fields: Fields) => boolean): Promise<void> {
  const car = Buffer.from(member.store.get(at) ?? new Uint8Array())
  const part = (await blocksOf(car)).find((each) => accepts(fieldsOf(each)))
  const offset = car.indexOf(Buffer.from(part?.bytes ?? new Uint8Array()))
  car.writeUInt8(car.readUInt8(offset + 20) ^ 1, offset + 20)
  member.store.set(at, new Uint8Array(car))
}

export const isToc = ({ version, blocks }: Fields) => version === 1 && Array.isArray(blocks)
export const isRecord = ({ kind }: Fields) => kind === 'record'
