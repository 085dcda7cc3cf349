import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../src/conformance/vault.ts'
import type { Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { limited } from '../../src/wrap/limited.ts'
import { observed } from '../../src/wrap/observed.ts'
import { readOnly } from '../../src/wrap/read-only.ts'
import { retrying } from '../../src/wrap/retrying.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'
import { keeping, nothingKept } from '../fakes/keeping.ts'
import { type Context, directoryContext, memoryContext, type Wrap } from './contexts.ts'

const wrappers: Readonly<Record<string, Wrap>> = {
  limited: (vault) => limited(vault, { concurrency: 2, bytesPerSecond: 1e12 }),
  'limited to one call': (vault) => limited(vault, { concurrency: 1 }),
  observed: (vault) => observed(vault, () => undefined),
  retrying: (vault) => retrying(vault, { sleep: async () => undefined }),
  'read-only, written through another door': (vault) => ({
    ...readOnly(vault),
    put: vault.put,
    ...(vault.remove && { remove: vault.remove }),
  }),
  'all of them': (vault) =>
    retrying(
      limited(
        observed(vault, () => undefined),
        { concurrency: 3 },
      ),
    ),
}

const places: Record<string, () => Promise<Context>> = {
  memory: () => memoryContext(),
  'memory with a small limit': () => memoryContext(undefined, { maxPackBytes: 512 * 1024 + 4096 * 64 }),
  'memory that cannot forget': () => memoryContext(undefined, { canForget: false, term: 'perpetual' }),
  'memory that can be denied': deniable,
  directory: () => directoryContext(),
  'memory that locks': lockable,
  'directory with read-only files': () => directoryContext(undefined, { readOnlyFiles: true }),
  'directory with a small limit': () => directoryContext(undefined, { maxPackBytes: 1024 * 1024 }),
}
for (const [name, wrap] of Object.entries(wrappers)) {
  places[`${name}, around memory`] = () => memoryContext(wrap)
  places[`${name}, around directory`] = () => directoryContext(wrap)
}

const KEEPING = new Set(['retention', 'warmth', 'thaw'])

/** Declared capabilities are asked before a context exists. */
const lacks = (place: string, needs: string | undefined, wants: string | undefined) =>
  (needs === 'remove' && place.includes('cannot forget')) ||
  (KEEPING.has(needs ?? '') && !place.includes('that locks')) ||
  (wants === 'deny' && !place.includes('can be denied'))

for (const [place, make] of Object.entries(places)) {
  describe(place, () => {
    let context: Context
    beforeAll(async () => {
      context = await make()
    })
    afterAll(() => context.close())

    for (const { name, needs, wants, run } of vaultCases) {
      it.skipIf(lacks(place, needs, wants))(name, async () => {
        expect(needs === undefined || context.vault[needs], 'the skip must follow what the vault declares').toBeTruthy()
        await run(context)
      })
    }
  })
}

async function lockable(): Promise<Context> {
  const kept = nothingKept()
  return memoryContext((vault) => keeping(vault, kept))
}

async function deniable(): Promise<Context> {
  const faults = noFaults()
  const context = await memoryContext((vault) => faulty(vault, faults))
  return {
    ...context,
    deny: async () => {
      faults.denied = 0
      return async () => {
        faults.denied = undefined
      }
    },
  }
}

/** Vaults that are wrong in one way each, and a part of the name of a case that must notice. */
const broken: Readonly<Record<string, readonly [notices: string, breakIt: (vault: Vault) => Vault]>> = {
  'forgets bytes': ['block by block', (vault) => ({ ...vault, put: async (pack) => `content/${pack.name}` })],
  'stores a second put anew': ['second put', (vault) => numbered(vault)],
  'reads a refusal as absence': ['denied is not absent', (vault) => deaf(vault)],
  'ignores aborts on put': ['put that is aborted', (vault) => ({ ...vault, put: (pack) => vault.put(pack) })],
  'ignores aborts on read': ['read that is aborted', (vault) => ({ ...vault, read: (at, span) => vault.read(at, span) })],
  'reads too much': [
    'span',
    (vault) => ({ ...vault, read: (at, span, call) => vault.read(at, { ...span, length: span.length + 1 }, call) }),
  ],
  truncates: ['block by block', (vault) => faulty(vault, { ...noFaults(), truncate: { where: 'all', length: 2000 } })],
  'flips a bit': ['block by block', (vault) => faulty(vault, { ...noFaults(), flip: { where: 'all', offset: 5000 } })],
  'does not count the bytes of a body': [
    'too short',
    (vault) => ({ ...vault, put: (pack, call) => vault.put({ ...pack, byteLength: 0 }, call) }),
  ],
  'keeps what a broken body left': ['broken off', (vault) => padded(vault)],
  'ignores replace': ['replace writes', (vault) => ({ ...vault, put: (pack, call) => vault.put(pack, { ...call, replace: false }) })],
  'removes before it replaces': [
    'replace that fails',
    (vault) => putAfter(vault, async (pack, call) => call?.replace && vault.remove?.(`${pack.kind}/${pack.name}`)),
  ],
  'removes nothing': ['removed pack', (vault) => ({ ...vault, remove: async () => undefined })],
  'fails to remove what is gone': [
    'removed pack',
    (vault) => ({
      ...vault,
      remove: async (at, call) => void ((await vault.status(at)) === 'absent' ? fail('absent') : await vault.remove?.(at, call)),
    }),
  ],
  'says of everything that it is held': ['removed pack', (vault) => ({ ...vault, status: async () => 'held' })],
  'yields nothing for what is absent': ['lost behind', (vault) => ({ ...vault, read: (at, span, call) => silent(vault, at, span, call) })],
  'throws on locate of what is absent': [
    'never put',
    (vault) => ({ ...vault, locate: async (name, call) => (await vault.locate(name, call)) ?? fail('absent') }),
  ],
  'locates everything': ['never put', (vault) => ({ ...vault, locate: async (name) => `content/${name}` })],
  'lists index packs as content': ['index packs', (vault) => ({ ...vault, list: () => relabelled(vault) })],
  'takes packs over its limit': ['larger than', (vault) => ({ ...memory(), profile: { ...vault.profile, maxPackBytes: 4096 } })],
  'goes on without its journal': [
    'journal that cannot',
    (vault) => putAfter(vault, (_, call) => call?.journal?.save(new Uint8Array()).catch(() => undefined)),
  ],
  'lets a listener fail the put': [
    'listener',
    (vault) => putAfter(vault, (_, call) => call?.onProgress?.({ type: 'bytes-sent', byteLength: 1 })),
  ],
  'hands out its own bytes': ['belong to the reader', () => lender()],
  'says it can forget and cannot': ['profile', ({ remove, ...vault }) => vault],
}

/** The same for what only some vaults offer: on a vault that has it and does it wrong. */
const keptBadly: Readonly<Record<string, readonly [notices: string, breakIt: (vault: Vault) => Vault]>> = {
  'stores without the lock it was asked for': [
    'put to be retained',
    (vault) => ({ ...vault, put: (pack, call) => vault.put(pack, { ...call, retain: undefined }) }),
  ],
  'deletes what it retains': ['put to be retained', (vault) => ({ ...vault, remove: async () => undefined })],
  'takes a lock for a put it cannot lock, and stores': [
    'put to be retained',
    (vault) => ({ ...vault, profile: { ...vault.profile, canRetain: false }, open: async () => ({ ...vault.profile, canRetain: false }) }),
  ],
  'locks a day less than it was asked to': [
    'put to be retained',
    (vault) => ({
      ...vault,
      put: (pack, call) =>
        vault.put(pack, { ...call, retain: call?.retain && { ...call.retain, until: new Date(call.retain.until.getTime() - 86_400_000) } }),
    }),
  ],
  'locks only what it stores anew': [
    'never shortened',
    (vault) => ({
      ...vault,
      put: async (pack, call) => (await vault.locate(pack.name)) ?? (await vault.put(pack, call)),
    }),
  ],
  'shortens a lock when it is renewed': ['never shortened', (vault) => shortening(vault)],
  'ignores renewals': ['never shortened', (vault) => ({ ...vault, renew: async (at) => at })],
  'can retain and cannot renew': ['profile', ({ renew, ...vault }) => vault],
  'calls frozen what can be read': ['warmth tells', (vault) => ({ ...vault, warmth: async () => ({ state: 'frozen' }) })],
  'never begins a restore': [
    'thaw begins',
    (vault) => ({ ...vault, thaw: async (_, { days }) => (days > 0 ? { state: 'frozen' } : fail('invalid')) }),
  ],
  'takes a restore for no days': ['thaw begins', (vault) => ({ ...vault, thaw: async () => ({ state: 'thawing' }) })],
  'forgets the restore it began': ['thaw begins', (vault) => ({ ...vault, warmth: async () => ({ state: 'frozen' }) })],
}

describe('the suite can fail on what only some vaults offer: it notices one that', () => {
  for (const [what, [notices, breakIt]] of Object.entries(keptBadly)) {
    it(what, async () => {
      const failed: string[] = []
      const context = await lockable()
      const flawed: VaultContext = { ...context, vault: breakIt(context.vault) }
      for (const { name, needs, wants, run } of vaultCases) {
        if ((needs && !flawed.vault[needs]) || (wants && !flawed[wants])) continue
        await run(flawed).catch(() => failed.push(name))
      }
      expect(failed.filter((name) => name.includes(notices))).not.toEqual([])
    })
  }

  it('has nothing wrong, in none of its cases', async () => {
    const { deny, ...context } = { ...(await lockable()), deny: undefined }
    for (const { wants, run } of vaultCases) if (wants !== 'deny') await run(context)
  })
})

describe('the suite can fail: it notices a vault that', () => {
  for (const [what, [notices, breakIt]] of Object.entries(broken)) {
    it(what, async () => {
      const failed: string[] = []
      const context = await deniable()
      const flawed: VaultContext = { ...context, vault: breakIt(context.vault), reopen: async () => breakIt(context.vault) }
      for (const { name, needs, wants, run } of vaultCases) {
        if ((needs && !flawed.vault[needs]) || (wants && !flawed[wants])) continue
        await run(flawed).catch(() => failed.push(name))
      }
      expect(failed.filter((name) => name.includes(notices))).not.toEqual([])
    })
  }

  it('has nothing wrong, in none of its cases', async () => {
    const { vault } = await deniable()
    for (const { needs, run } of vaultCases) if (needs === undefined || vault[needs]) await run(await deniable())
  })
})

function putAfter(vault: Vault, first: (...call: Parameters<Vault['put']>) => unknown): Vault {
  return {
    ...vault,
    put: async (...call) => {
      await first(...call)
      return vault.put(...call)
    },
  }
}

function fail(code: 'absent' | 'invalid'): never {
  throw new VaultError(code, 'broken', 'made to fail')
}

function shortening(vault: Vault): Vault {
  const locks = new Map<string, Date>()
  return {
    ...vault,
    renew: async (at, until) => {
      locks.set(at, until)
      return at
    },
    retention: async (at) => {
      const until = locks.get(at)
      return until ? { until } : vault.retention?.(at)
    },
  }
}

function numbered(vault: Vault): Vault {
  let count = 0
  const real = (at: string) => at.replace(/#.*/, '')
  return {
    ...vault,
    put: async (pack, call) => `${await vault.put(pack, call)}#${count++}`,
    status: (at, call) => vault.status(real(at), call),
    read: (at, span, call) => vault.read(real(at), span, call),
  }
}

function deaf(vault: Vault): Vault {
  return {
    ...vault,
    locate: (name, call) => vault.locate(name, call).catch(() => undefined),
    status: (at, call) => vault.status(at, call).catch(() => 'absent' as const),
  }
}

function padded(vault: Vault): Vault {
  const put: Vault['put'] = (pack, call) =>
    vault.put(
      {
        ...pack,
        open: async function* (options) {
          let sent = 0
          try {
            for await (const chunk of pack.open(options)) {
              sent += chunk.byteLength
              yield chunk
            }
          } catch {
            yield new Uint8Array(pack.byteLength - sent)
          }
        },
      },
      call,
    )
  return { ...vault, put }
}

async function* silent(vault: Vault, ...call: Parameters<Vault['read']>): AsyncIterable<Uint8Array> {
  try {
    yield* vault.read(...call)
  } catch (error) {
    if (!(error instanceof VaultError && error.code === 'absent')) throw error
  }
}

async function* relabelled(vault: Vault) {
  for await (const listed of vault.list?.() ?? []) yield { ...listed, kind: 'content' as const }
}

/** Reads give views of what is stored. */
function lender(): Vault {
  const store = new Map<string, Uint8Array>()
  return {
    ...memory({ store }),
    read: async function* (at, span) {
      const bytes = store.get(at) ?? fail('absent')
      yield bytes.subarray(span.offset, span.offset + span.length)
    },
  }
}

describe('samplePack', () => {
  it('makes the same pack from the same options and another one from others', async () => {
    const [one, same, other, index] = await Promise.all([
      samplePack({ seed: 'a' }),
      samplePack({ seed: 'a' }),
      samplePack({ seed: 'b' }),
      samplePack({ seed: 'a', kind: 'index' }),
    ])
    expect(one.name.toString()).toBe(same.name.toString())
    expect(new Set([one, other, index].map(({ name }) => name.toString())).size).toBe(3)
  })

  it('is a CAR that @ipld/car reads, with the spans it claims', async () => {
    const { CarReader } = await import('@ipld/car')
    for (const kind of ['content', 'index'] as const) {
      const pack = await samplePack({ seed: 'car', kind, blocks: 5, blockLength: 777 })
      const reader = await CarReader.fromBytes(pack.bytes)
      expect((await reader.getRoots()).map(String)).toEqual([pack.root.toString()])
      const spans = await pack.spans()
      let index = 0
      for await (const block of reader.blocks()) {
        const span = spans[index++]
        expect(span && Buffer.from(pack.bytes.subarray(span.offset, span.offset + span.length)).equals(block.bytes)).toBe(true)
        expect(span?.cid.toString()).toBe(block.cid.toString())
      }
      expect(index).toBe(5)
    }
  })
})
