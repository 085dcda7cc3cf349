/** What a watch costs before it asks anybody anything: one million objects in five vaults. `node bench/watch.ts [count]`. No peer keeps such an agenda. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { openCatalog } from '../src/catalog/open.ts'
import type { Catalog, EvidenceRow, ObjectState } from '../src/contracts.ts'
import { agendaOf, assess } from '../src/flow/assess.ts'
import type { Context } from '../src/flow/context.ts'
import { glance } from '../src/flow/glance.ts'
import { longestAge } from '../src/flow/watch-audit.ts'
import { DAG_CBOR, RAW } from '../src/format/address.ts'
import { horizonOf, pickDue, vaultsDue } from '../src/policy/agenda.ts'
import { resolvePolicy } from '../src/policy/policy.ts'
import { memory } from '../src/vaults/memory.ts'
import type { Row } from './catalog.ts'

const VAULTS = ['a', 'b', 'c', 'd', 'e']
const OBJECTS_PER_PACK = 1_000
const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 1)
const AUDITS = 1_000

const cidOf = (codec: number, text: string): CID => CID.createV1(codec, Digest.create(0x12, createHash('sha256').update(text).digest()))

/** Of a hundred objects: two overdue, and here and there one that is not well. */
const stateOf = (index: number): ObjectState =>
  index % 1_000 === 7 ? 'damaged' : index % 5_000 === 11 ? 'at-risk' : index % 200 === 3 ? 'unknown' : 'satisfied'
const dueAtOf = (index: number): number => (index % 50 === 0 ? NOW - (index % 7) * DAY : NOW + 1 + ((index * 7_919) % (20 * DAY)))

async function putPack(catalog: Catalog, number: number): Promise<void> {
  const owner = `put ${number}`
  const first = number * OBJECTS_PER_PACK
  const indices = Array.from({ length: OBJECTS_PER_PACK }, (_, index) => first + index)
  const cids = indices.map((index) => cidOf(RAW, `object ${index}`))
  const blocks = cids.map((cid, ordinal) => ({ cid, offset: 59 + 4_140 * ordinal, length: 4_096 }))
  const shape = { kind: 'content', visibility: 'public', createdAt: 1 } as const
  const pack = await catalog.stagePack({ owner, byteLength: 59 + 4_140 * blocks.length, blocks, ...shape })
  const objects = cids.map((root, index) => ({
    root,
    name: `object ${first + index}`,
    kind: 'file' as const,
    byteLength: 4_096,
    profile: 'unixfs-v1-2025' as const,
    visibility: 'public' as const,
    createdAt: 1,
    extents: [{ start: 0, pack, first: index, count: 1 }],
  }))
  const toc = new Uint8Array(40 * blocks.length)
  const [root = cidOf(RAW, owner)] = cids
  const ids = await catalog.seal(owner, [{ id: pack, name: cidOf(DAG_CBOR, `toc ${number}`), root, toc }], objects)
  for (const vault of VAULTS) await catalog.placed(pack, vault, `packs/${number}`, 2)
  await catalog.recordEvidence(VAULTS.flatMap((vault) => evidenceOf(pack, vault, ids)))
  await catalog.unspooled(pack)
  await catalog.setStates(
    ids.map((object, index) => ({ object, state: stateOf(first + index), freshUntil: NOW + 5 * DAY, dueAt: dueAtOf(first + index) })),
  )
}

/** One whole read per pack and vault, and a sample of every tenth object. */
function evidenceOf(pack: number, vault: string, ids: readonly number[]): readonly EvidenceRow[] {
  const row = { pack, vault, verdict: 'intact', possession: 'listed', asked: 29, answered: 29, bytesRead: 29 * 4_096 } as const
  const sampled = ids.filter((_, index) => index % 10 === 0)
  return [
    { ...row, object: 0, retrieval: 'whole', at: NOW - 22 * DAY },
    ...sampled.map((object) => ({ ...row, object, retrieval: 'sampled' as const, at: NOW - 21 * DAY, seed: new Uint8Array(32) })),
  ]
}

/** As much of an archive as deciding takes. */
function contextOf(catalog: Catalog): Context {
  const vaults = new Map(VAULTS.map((id) => [id, memory({ id, operator: id })]))
  const policy = resolvePolicy({ copies: 5, floor: 2 })
  return { catalog, vaults, policy, clock: () => NOW, unopened: new Map(), leaving: new Map(), identities: [] } as unknown as Context
}

/** What a cycle does before the first question: what is due, whom to ask for each, and what waits for repair. */
async function plan(context: Context): Promise<number> {
  const { catalog } = context
  const rows = await catalog.due({ at: NOW, horizon: horizonOf(NOW, longestAge(context)), limit: AUDITS + 1 })
  let asked = 0
  for (const { id } of pickDue(rows, AUDITS)) {
    const object = await catalog.objectById(id)
    if (!object) continue
    const { judged, report } = await assess(context, object)
    asked += vaultsDue({ now: NOW, state: report.state, replicas: agendaOf(context, judged) }).length
  }
  for (const state of ['at-risk', 'damaged'] as const)
    for (const object of await catalog.objects({ state, limit: 200 })) await assess(context, object)
  return asked
}

async function median(rounds: number, call: () => Promise<unknown>): Promise<string> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    await call()
    times.push(performance.now() - startedAt)
  }
  return `${(times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0).toFixed(1)} ms`
}

async function fill(path: string, count: number): Promise<void> {
  const catalog = await openCatalog({ path })
  for (let number = 0; number * OBJECTS_PER_PACK < count; number++) await putPack(catalog, number)
  await catalog.close()
}

/** Fills a catalog in the temporary folder, measures, and removes it. */
export async function run(count = 1_000_000): Promise<{ readonly rows: readonly Row[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-watch-'))
  try {
    const path = join(folder, 'catalog.sqlite')
    // In a process of its own, or the memory would be that of filling.
    await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), 'fill', path, String(count)])
    const catalog = await openCatalog({ path })
    const context = contextOf(catalog)
    const horizon = horizonOf(NOW, longestAge(context))
    const total = `${count.toLocaleString('en')} objects, ${VAULTS.length} vaults`
    const rows = [
      {
        figure: `watch: finding what is due among ${total} (goal 50 ms)`,
        value: await median(20, () => catalog.due({ at: NOW, horizon, limit: AUDITS + 1 })),
      },
      { figure: 'watch: finding what is due next', value: await median(20, () => catalog.nextDue({ at: NOW, horizon })) },
      {
        figure: `watch: planning a cycle of ${AUDITS.toLocaleString('en')} audits (goal 2 s)`,
        value: await median(3, () => plan(context)),
      },
      { figure: 'watch: the archive at a glance', value: await median(3, () => glance(context)) },
      {
        figure: 'watch: peak memory of the process (goal 300 MiB)',
        value: `${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`,
      },
    ]
    await catalog.close()
    return { rows }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const [, , first, path = '', count] = process.argv
  if (first === 'fill') await fill(path, Number(count))
  else {
    const { rows } = await run(first === undefined ? undefined : Number(first))
    for (const { figure, value } of rows) process.stdout.write(`${figure.padEnd(80)}${value.padStart(16)}\n`)
  }
}
