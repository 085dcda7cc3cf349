/** Reading the log out of what a vault holds, with nothing but the archive's public key. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCar } from '../../src/format/car.ts'
import { coverLog, type LogPart, readLog, readLogPart } from '../../src/format/log-blocks.ts'
import { readIndexBlock } from '../../src/format/record.ts'
import { fromMultikey } from '../../src/format/sign.ts'

export interface FoundLog {
  /** Of the newest checkpoint. */
  readonly size: number
  readonly note: string
  /** Entries as text, as far as there is no gap. */
  readonly entries: readonly string[]
  readonly gap: { readonly first: number; readonly size: number } | undefined
  readonly packs: number
  readonly chain: readonly LogPart[]
  readonly load: (cid: unknown) => Promise<Uint8Array>
}

/** What these index packs hold of the log, every hash and signature checked. */
export async function logIn(cars: Iterable<Uint8Array>, publicKey: string): Promise<FoundLog> {
  const parts: LogPart[] = []
  const blocks = new Map<string, Uint8Array>()
  let packs = 0
  for (const bytes of cars) {
    packs++
    const car = readCar(bytes)
    for (const [cid, block] of car.blocks) blocks.set(cid, block)
    const part = await readLogPart(readIndexBlock(car.blocks.get(car.root.toString()) ?? new Uint8Array(0)), fromMultikey(publicKey))
    if (part) parts.push(part)
  }
  const { newest, chain, gap } = coverLog(parts)
  const load = async (cid: unknown) => blocks.get(String(cid)) ?? new Uint8Array(0)
  const entries: string[] = []
  for await (const portion of readLog(chain, load)) entries.push(...portion.entries.map((entry) => Buffer.from(entry).toString()))
  return { size: newest?.checkpoint.size ?? 0, note: newest?.note ?? '', entries, gap, packs, chain, load }
}

/** What a directory vault holds of the log. */
export async function logInFolder(vault: string, publicKey: string): Promise<FoundLog> {
  const names = (await readdir(join(vault, 'index'), { recursive: true })).filter((name) => name.endsWith('.car'))
  return logIn(await Promise.all(names.map((name) => readFile(join(vault, 'index', name)))), publicKey)
}

/** Index packs in the store of a memory vault. */
export const indexPacksIn = (store: ReadonlyMap<string, Uint8Array>): readonly Uint8Array[] =>
  [...store].filter(([at]) => at.startsWith('index/')).map(([, bytes]) => bytes)
