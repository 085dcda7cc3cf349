/** One million objects in five vaults, and one million packs in one: `node bench/audit.ts [count]`. No peer plans audits, so the figures stand alone. */
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
import type { Catalog } from '../src/contracts.ts'
import { DAG_CBOR, DAG_PB, RAW } from '../src/format/address.ts'
import { resolveAudit } from '../src/policy/audit.ts'
import { samplesFor } from '../src/policy/challenge.ts'
import { planAudit } from '../src/policy/plan-audit.ts'
import { resolvePolicy } from '../src/policy/policy.ts'
import { drawSurvey } from '../src/policy/survey.ts'

export interface Row {
  readonly figure: string
  readonly value: string
}

const VAULTS = ['a', 'b', 'c', 'd', 'e']
const GOAL = { confidence: 0.99, loss: 0.01 }

const cidOf = (codec: number, text: string): CID => CID.createV1(codec, Digest.create(0x12, createHash('sha256').update(text).digest()))

/** Packs of so many objects of two blocks each, placed in the vaults. */
async function fill(
  catalog: Catalog,
  options: { readonly objects: number; readonly perPack: number; readonly vaults: readonly string[] },
): Promise<void> {
  const { objects, perPack, vaults } = options
  for (let number = 0; number * perPack < objects; number++) {
    const owner = `put ${perPack} ${number}`
    const indices = Array.from({ length: perPack }, (_, index) => number * perPack + index)
    const roots = indices.map((index) => cidOf(DAG_PB, `${owner} root ${index}`))
    const blocks = indices
      .flatMap((index, at) => [cidOf(RAW, `${owner} leaf ${index}`), roots[at] ?? cidOf(RAW, '')])
      .map((cid, ordinal) => ({ cid, offset: 59 + 4_140 * ordinal, length: 4_096 }))
    const pack = await catalog.stagePack({
      owner,
      byteLength: 59 + 4_140 * blocks.length,
      blocks,
      kind: 'content',
      visibility: 'public',
      createdAt: 1,
    })
    const root = roots[0] ?? cidOf(RAW, '')
    const sealed = roots.map((each, at) => ({
      root: each,
      kind: 'file' as const,
      byteLength: 4_096,
      profile: 'unixfs-v1-2025' as const,
      visibility: 'public' as const,
      createdAt: 1,
      extents: [{ start: 0, pack, first: 2 * at, count: 2 }],
    }))
    await catalog.seal(owner, [{ id: pack, name: cidOf(DAG_CBOR, owner), root, toc: new Uint8Array(8) }], sealed)
    for (const vault of vaults) await catalog.placed(pack, vault, `packs/${number}`, 2)
  }
}

async function seconds(work: () => Promise<unknown>): Promise<string> {
  const began = performance.now()
  await work()
  return `${((performance.now() - began) / 1_000).toFixed(2)} s`
}

const memory = () => `${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`

/** The draw of one survey, made durable and closed again. */
async function survey(catalog: Catalog, vault: string): Promise<void> {
  const seed = createHash('sha256').update(`${vault} ${performance.now()}`).digest()
  const { population, drawn } = await catalog.drawBlocks(vault, (size) => drawSurvey({ seed, goal: GOAL, population: size }))
  if (drawn.length !== Math.min(population, samplesFor(GOAL))) throw new RangeError(`${drawn.length} blocks were drawn from ${population}`)
  const { id } = await catalog.openSurvey({ vault, seed, drawnAt: 1, ...GOAL, population }, drawn)
  await catalog.closeSurvey(id, { at: 2, report: '{}' })
}

/** What `perdure plan` asks of the catalog, but the tables of contents. */
async function plan(catalog: Catalog): Promise<void> {
  const counts = await catalog.auditCounts({ drawsPerObject: 30, packBytes: 256 * 1024 ** 2 })
  const vaults = VAULTS.map(
    (id) =>
      ({ id, network: 'local', operator: id, term: 'standing', canForget: true, paid: false, cold: false, addressing: 'offset' }) as const,
  )
  const structure = { blocks: 0.5, bytes: 0.5, packs: 32, exact: false }
  planAudit({ audit: resolveAudit({}, vaults), policy: resolvePolicy({}), vaults, counts, structure, spent: [], now: 3 })
}

async function withCatalog<T>(work: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-audit-'))
  try {
    return await work(join(folder, 'catalog.sqlite'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function opened<T>(path: string, work: (catalog: Catalog) => Promise<T>): Promise<T> {
  const catalog = await openCatalog({ path })
  try {
    return await work(catalog)
  } finally {
    await catalog.close()
  }
}

async function measure(
  path: string,
  { objects, name, vaults }: { readonly objects: boolean; readonly name: string; readonly vaults: readonly string[] },
): Promise<readonly Row[]> {
  return opened(path, async (catalog) => [
    {
      figure: `audit: surveys of ${vaults.length} vaults drawn and durable, ${name} ${objects ? 'objects' : 'packs'}`,
      value: await seconds(async () => {
        for (const vault of vaults) await survey(catalog, vault)
      }),
    },
    { figure: `audit: plan of a month, ${name} ${objects ? 'objects' : 'packs'}`, value: await seconds(() => plan(catalog)) },
    { figure: 'audit: peak memory of the process that plans', value: memory() },
  ])
}

/** Fills a catalog in the temporary folder, measures in a process that has filled nothing, and removes it. */
async function filledAndMeasured(count: number, perPack: number, vaults: readonly string[]): Promise<readonly Row[]> {
  return withCatalog(async (path) => {
    await opened(path, (catalog) => fill(catalog, { objects: count, perPack, vaults }))
    const orders = JSON.stringify({ objects: perPack > 1, name: count.toLocaleString('en'), vaults })
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), '--measure', path, orders])
    return JSON.parse(stdout) as readonly Row[]
  })
}

/** A million objects in packs of a thousand, in five vaults. */
export async function run(count = 1_000_000): Promise<{ readonly rows: readonly Row[] }> {
  return { rows: await filledAndMeasured(count, 1_000, VAULTS) }
}

/** As many packs as objects in one vault: what that many single puts leave. Filling takes long, so it is done on request only. */
export async function runPacks(count: number): Promise<{ readonly rows: readonly Row[] }> {
  return { rows: await filledAndMeasured(count, 1, ['a']) }
}

if (import.meta.main) {
  const [, , first, second, third = ''] = process.argv
  if (first === '--measure') process.stdout.write(JSON.stringify(await measure(second ?? '', JSON.parse(third))))
  else {
    const rows = [
      ...(await run(first === undefined ? undefined : Number(first))).rows,
      ...(second === undefined ? [] : (await runPacks(Number(second))).rows),
    ]
    for (const { figure, value } of rows) process.stdout.write(`${figure.padEnd(72)}${value.padStart(12)}\n`)
  }
}
