/** One archive, one verb: `node verb DOOR VERB JSON` prints what came of it as JSON. The process is what is timed, unless it says otherwise. */
import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Archive, Vault, VerifyOptions } from '../../src/contracts.ts'

/** What the verbs are told. */
export interface Orders {
  /** Folder of the archive. */
  readonly archive: string
  /** Folder of its only vault. */
  readonly vault: string
  /** `put`: the file or folder. */
  readonly source?: string
  /** `restore`, `get`, `verify`: what. */
  readonly root?: string
  /** `restore`, `get`: where to. */
  readonly target?: string
  /** `putAll`: how many entries. */
  readonly count?: number
  /** `verify`: how thoroughly, and how often. */
  readonly level?: VerifyOptions['level']
  readonly rounds?: number
  /** Of the archive: seal for these, open with those. */
  readonly recipients?: readonly string[]
  readonly identities?: readonly string[]
}

export interface Outcome {
  readonly root?: string
  readonly state?: string
  /** Time of the verb alone. */
  readonly verbMs?: number
  /** One for each round of `verify`. */
  readonly checks?: readonly { readonly ms: number; readonly reads: number; readonly bytesRead: number; readonly state: string }[]
}

const [, , door = '', verb = '', orders = '{}'] = process.argv
const {
  archive: path,
  vault: at,
  source = '',
  root = '',
  target = '',
  count = 0,
  level,
  rounds = 1,
  recipients,
  identities,
} = JSON.parse(orders) as Orders
const { createArchive, directory } = (await import(door)) as typeof import('../../src/index.ts')

const seen = { reads: 0, bytesRead: 0 }

/** Counts what is asked of the vault. */
function counted(vault: Vault): Vault {
  return {
    ...vault,
    async *read(...question) {
      seen.reads++
      for await (const bytes of vault.read(...question)) {
        seen.bytesRead += bytes.byteLength
        yield bytes
      }
    },
  }
}

async function write(archive: Archive): Promise<Outcome> {
  await using file = await open(target, 'wx')
  for await (const bytes of archive.get(root)) await file.writeFile(bytes)
  return {}
}

async function verify(archive: Archive): Promise<Outcome> {
  const checks = []
  for (let round = 0; round < rounds; round++) {
    seen.reads = seen.bytesRead = 0
    const startedAt = performance.now()
    const { state } = await archive.verify(root, { level })
    checks.push({ ms: performance.now() - startedAt, ...seen, state })
  }
  return { checks }
}

async function putAll(archive: Archive): Promise<Outcome> {
  const entries = Array.from({ length: count }, (_, index) => ({
    path: `entry-${index}`,
    content: new Uint8Array(randomBytes(100 + (index % 1_900))),
  }))
  const receipts = await archive.putAll(entries)
  const worst = receipts.find(({ state }) => state !== 'satisfied')
  return { state: worst?.state ?? 'satisfied' }
}

const verbs: Readonly<Record<string, (archive: Archive) => Promise<Outcome>>> = {
  open: async () => ({}),
  put: async (archive) => {
    const receipt = await archive.put(source)
    return { root: receipt.root, state: receipt.state }
  },
  putAll,
  restore: async (archive) => {
    await archive.restore(root, target)
    return {}
  },
  get: write,
  verify,
}

const plain = directory({ at, id: 'bench' })
const archive = await createArchive({
  path,
  vaults: [verb === 'verify' ? counted(plain) : plain],
  policy: { copies: 1, floor: 1 },
  recipients,
  identities,
})
const startedAt = performance.now()
const outcome = await verbs[verb]?.(archive)
const verbMs = performance.now() - startedAt
await archive.close()
process.stdout.write(JSON.stringify({ ...outcome, verbMs }))
