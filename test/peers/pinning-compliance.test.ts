/** The field's own compliance checker against the service that the pinning tests talk to: what it says of the fake is what the fake is worth. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { it } from 'vitest'
import { RAW as raw } from '../../src/format/address.ts'
import { type BlockSource, heliaNode } from '../../src/ipfs.ts'
import { neverFetches } from '../fakes/pinning/lies.ts'
import { startFakePinning } from '../fakes/pinning/service.ts'

const run = promisify(execFile)
const checker = process.env.PERDURE_PINNING_COMPLIANCE
const environment = fileURLToPath(new URL('./pinning-compliance/environment.cjs', import.meta.url))
const spec = fileURLToPath(new URL('../../../shared/vectors/pinning/ipfs-pinning-service.yaml', import.meta.url))
const hasSpec = existsSync(spec)
if (checker && !hasSpec) console.warn('SKIPPED: the text of the specification is not here, and four of the nine checks need it')

const check = checker && hasSpec ? it.concurrent : it.skip

/** More than the checker ever asks the time. */
const TICKS = 20_000

/** The blocks that the checker pins, from its clock. */
async function pinnedBlocks(): Promise<BlockSource> {
  const blocks = new Map<string, Uint8Array>()
  for (let tick = 0; tick < TICKS; tick++) {
    const bytes = new TextEncoder().encode(`0,${tick}`)
    blocks.set(`${CID.createV1(raw, await sha256.digest(bytes))}`, bytes)
  }
  return { has: async (cid) => blocks.has(`${cid}`), block: async (cid) => blocks.get(`${cid}`) }
}

/** What the checker prints about a service, with its own summary. It ends with 0 whatever it found. */
async function checked(endpoint: string, token: string): Promise<{ readonly summary: string; readonly failed: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-compliance-'))
  try {
    const { stdout } = await run(process.execPath, ['--require', environment, checker ?? '', '-s', endpoint, token], {
      cwd: folder,
      env: { ...process.env, PINNING_SPEC: spec },
      maxBuffer: 64 * 1024 * 1024,
    })
    const report = stripVTControlCharacters(stdout)
    const summary = /Summary \((\d+\/\d+) successful\)/.exec(report)?.[1] ?? 'no summary'
    return { summary, failed: report.split('\n').filter((line) => line.includes('❌')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

check(
  'an honest service, given what the checker pins, passes nine of nine',
  async ({ expect }) => {
    const service = await startFakePinning()
    const peer = await heliaNode({ blocks: [await pinnedBlocks()] })
    try {
      await peer.connect(service.delegates[0] ?? '')
      expect(await checked(service.endpoint, service.token)).toEqual({ summary: '9/9', failed: [] })
      expect(service.pulled.length).toBeGreaterThan(10)
    } finally {
      await peer.close()
      await service.close()
    }
  },
  180_000,
)

check(
  'a service that pins nothing passes as well: compliance says nothing of storage',
  async ({ expect }) => {
    const service = await startFakePinning({ lie: neverFetches() })
    try {
      expect((await checked(service.endpoint, service.token)).summary).toBe('9/9')
      expect(service.pulled).toEqual([])
    } finally {
      await service.close()
    }
  },
  180_000,
)
