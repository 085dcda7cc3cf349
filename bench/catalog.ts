/** One million objects in one catalog: `node bench/catalog.ts [count]`. No peer keeps such an index, so the figures stand alone. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { openCatalog } from '../src/catalog/open.ts'
import type { Catalog, EvidenceRow, ObjectId } from '../src/contracts.ts'
import { DAG_CBOR, DAG_PB, RAW } from '../src/format/address.ts'

export interface Row {
  readonly figure: string
  readonly value: string
  readonly peer?: string
  readonly ratio?: string
}

const OBJECTS_PER_PACK = 1_000
const BLOCKS_PER_OBJECT = 2
const ROUNDS = 200

function cidOf(codec: number, text: string): CID {
  return CID.createV1(codec, Digest.create(0x12, createHash('sha256').update(text).digest()))
}

const leaf = (index: number): CID => cidOf(RAW, `leaf ${index}`)
const root = (index: number): CID => cidOf(DAG_PB, `root ${index}`)

async function putPack(catalog: Catalog, number: number): Promise<readonly ObjectId[]> {
  const owner = `put ${number}`
  const first = number * OBJECTS_PER_PACK
  const indices = Array.from({ length: OBJECTS_PER_PACK }, (_, index) => first + index)
  const cids = indices.flatMap((index) => [leaf(index), root(index)])
  const blocks = cids.map((cid, ordinal) => ({ cid, offset: 59 + 4_140 * ordinal, length: 4_096 }))
  const shape = { kind: 'content', visibility: 'public', createdAt: 1 } as const
  const pack = await catalog.stagePack({ owner, byteLength: 59 + 4_140 * blocks.length, blocks, ...shape })
  const toc = new Uint8Array(40 * blocks.length)
  const objects = indices.map((index) => ({
    root: root(index),
    name: `object ${index}`,
    kind: 'file' as const,
    byteLength: 4_096,
    profile: 'unixfs-v1-2025' as const,
    visibility: 'public' as const,
    createdAt: 1,
    extents: [{ start: 0, pack, first: BLOCKS_PER_OBJECT * (index - first), count: BLOCKS_PER_OBJECT }],
  }))
  const ids = await catalog.seal(owner, [{ id: pack, name: cidOf(DAG_CBOR, `toc ${number}`), root: root(first), toc }], objects)
  for (const vault of ['a', 'b']) {
    await catalog.placed(pack, vault, `packs/${number}`, 2)
    await catalog.recordEvidence([evidence(pack, vault, 0, 3)])
  }
  await catalog.unspooled(pack)
  await catalog.setStates(ids.map((object) => ({ object, state: 'satisfied', freshUntil: 1_000 })))
  return ids
}

function evidence(pack: number, vault: string, object: number, at: number): EvidenceRow {
  const found = { verdict: 'intact', possession: 'claimed', retrieval: 'sampled' } as const
  return { pack, vault, object, ...found, at, seed: new Uint8Array(32), asked: 29, answered: 29, bytesRead: 29 * 4_096 }
}

/** Median time of the call, in milliseconds. */
async function median(rounds: number, call: (round: number) => Promise<unknown>): Promise<string> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    await call(round)
    times.push(performance.now() - startedAt)
  }
  return `${(times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0).toFixed(2)} ms`
}

async function measure(catalog: Catalog, ids: readonly ObjectId[]): Promise<Row[]> {
  const count = ids.length
  const some = () => Math.floor(Math.random() * count)
  const middle = ids[Math.floor(count / 2)] ?? 0
  const [pack] = await catalog.packsOf(middle)
  const batch = (at: number) => (pack ? ids.slice(0, 100).map((id) => evidence(pack.id, 'a', id, at)) : [])
  const fiveHundred = () => Array.from({ length: 500 }, () => leaf(some()))
  const figures: readonly (readonly [string, number, (round: number) => Promise<unknown>])[] = [
    ['object by root', ROUNDS, () => catalog.object(root(some()))],
    ['findBlocks, 500 known anywhere', 20, () => catalog.findBlocks(fiveHundred(), { visibility: 'public', reusable: true })],
    [
      'findBlocks, 500 unknown',
      20,
      (round) =>
        catalog.findBlocks(
          fiveHundred().map((_, i) => leaf(-1 - i - 500 * round)),
          {},
        ),
    ],
    ['1,000 objects from the middle', 20, () => catalog.objects({ after: middle, limit: 1_000 })],
    ['1,000 satisfied objects from the middle', 20, () => catalog.objects({ after: middle, limit: 1_000, state: 'satisfied' })],
    ['evidenceOf', ROUNDS, () => catalog.evidenceOf(ids[some()] ?? 0)],
    ['packsOf', ROUNDS, () => catalog.packsOf(ids[some()] ?? 0)],
    ['recordEvidence, 100 rows, durable', 20, (round) => catalog.recordEvidence(batch(10 + round))],
    [
      'setStates, 100 rows, durable',
      20,
      () => catalog.setStates(ids.slice(0, 100).map((object) => ({ object, state: 'satisfied', freshUntil: 1 }))),
    ],
    ['totals', 3, () => catalog.totals(500)],
  ]
  const rows: Row[] = []
  for (const [figure, rounds, call] of figures) rows.push({ figure: `catalog: ${figure}`, value: await median(rounds, call) })
  return rows
}

/** Fills a catalog in the temporary folder, measures, and removes it. */
export async function run(count = 1_000_000): Promise<{ readonly rows: readonly Row[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-catalog-'))
  try {
    const path = join(folder, 'catalog.sqlite')
    const filling = await openCatalog({ path })
    const ids: ObjectId[] = []
    const startedAt = performance.now()
    for (let number = 0; number * OBJECTS_PER_PACK < count; number++) ids.push(...(await putPack(filling, number)))
    const seconds = (performance.now() - startedAt) / 1_000
    await filling.close()
    const catalog = await openCatalog({ path })
    const rows = await measure(catalog, ids)
    await catalog.close()
    const { size } = await stat(path)
    const total = ids.length.toLocaleString('en')
    return {
      rows: [
        { figure: `catalog: fill with ${total} objects, ${BLOCKS_PER_OBJECT} blocks each`, value: `${seconds.toFixed(1)} s` },
        ...rows,
        {
          figure: `catalog: file of ${total} objects`,
          value: `${Math.round(size / 2 ** 20)} MiB, ${Math.round(size / ids.length)} B each`,
        },
        { figure: 'catalog: peak memory of the process', value: `${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB` },
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { rows } = await run(process.argv[2] === undefined ? undefined : Number(process.argv[2]))
  for (const { figure, value } of rows) process.stdout.write(`${figure.padEnd(60)}${value.padStart(16)}\n`)
}
