/** Cases about what goes in: idempotence, bodies that misbehave, aborts, limits, journals. */
import assert from 'node:assert/strict'
import type { Journal, Pack } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import { assertHolds, assertNothing, assertRejects, bytesOf, counted, listings, type VaultCase, withBody } from './vault-context.ts'

const idempotent: VaultCase = {
  name: 'a second put of the same pack gives the same locator and no second copy',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'idempotent' })
    const at = await vault.put(sample)
    assert.equal(await vault.put(sample), at)
    assert.equal(await vault.put(await pack({ seed: 'idempotent' })), at, 'the name decides, not the instance')
    assert.ok((await listings(vault, sample.name)).length <= 1, 'list shows a second copy')
    await assertHolds(vault, at, sample)
  },
}

const concurrent: VaultCase = {
  name: 'puts at the same time all succeed, those of one pack with one locator',
  run: async ({ vault, pack }) => {
    const same = await pack({ seed: 'concurrent', blockLength: 100_000 })
    const others = await Promise.all([1, 2, 3].map((number) => pack({ seed: `concurrent-${number}`, blockLength: 50_000 })))
    const all = [same, ...others, same, same]
    const locators = await Promise.all(all.map((each) => vault.put(each)))
    assert.equal(new Set(locators).size, others.length + 1, 'four packs have four locators')
    for (const [index, each] of all.entries()) {
      const at = locators[index]
      assert.ok(at !== undefined)
      await assertHolds(vault, at, each)
      assert.ok((await listings(vault, each.name)).length <= 1, 'list shows a second copy')
    }
  },
}

const abortedPut: VaultCase = {
  name: 'a put that is aborted before or during the transfer leaves nothing, and put works again',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'aborted-put', blocks: 4, blockLength: 100_000 })
    const bytes = await bytesOf(sample)
    const reason = new PerdureError('conformance', 'the case aborted the put')
    const early = vault.put(sample, { signal: AbortSignal.abort(reason) })
    await assert.rejects(early, (error) => error === reason, 'an aborted signal must stop a put')
    await assertNothing(vault, sample)

    const during = new AbortController()
    const body = withBody(sample, async function* (options) {
      yield bytes.slice(0, bytes.byteLength / 2)
      during.abort(reason)
      options?.signal?.throwIfAborted()
      yield bytes.slice(bytes.byteLength / 2)
    })
    await assert.rejects(vault.put(body, { signal: during.signal }), (error) => error === reason, 'an abort must stop a running put')
    await assertNothing(vault, sample)
    await assertHolds(vault, await vault.put(sample), sample)
  },
}

/** Bodies that are not the pack. */
const BAD_BODIES: Readonly<Record<string, (bytes: Uint8Array) => Iterable<Uint8Array>>> = {
  'too short': (bytes) => [bytes.slice(0, -1)],
  empty: () => [],
  'too long': (bytes) => [bytes.slice(), new Uint8Array(1)],
  'broken off': function* (bytes) {
    yield bytes.slice(0, bytes.byteLength / 2)
    throw new PerdureError('conformance', 'the case broke the body off')
  },
}

const badBodies: readonly VaultCase[] = Object.entries(BAD_BODIES).map(([what, body]) => ({
  name: `a body that is ${what} is refused and leaves nothing, and the next put opens it again`,
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: `bad-body-${what}`, blockLength: 50_000 })
    const bytes = await bytesOf(sample)
    let opened = 0
    const flawed = withBody(sample, async function* () {
      yield* opened++ === 0 ? body(bytes) : [bytes.slice()]
    })
    await assert.rejects(vault.put(flawed), `a body that is ${what} must be refused`)
    await assertNothing(vault, sample)
    await assertHolds(vault, await vault.put(flawed), sample)
    assert.equal(opened, 2, 'each try opens the body once')
  },
}))

const replaced: VaultCase = {
  name: 'put with replace writes the bytes anew although the pack is there',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'replaced', blockLength: 20_000 })
    await vault.put(sample)
    const { pack: watched, sent } = counted(sample)
    const at = await vault.put(watched, { replace: true })
    assert.ok(sent() >= sample.byteLength, `replace must send the pack again, it sent ${sent()} of ${sample.byteLength} bytes`)
    await assertHolds(vault, at, sample)
    assert.equal(await vault.locate(sample.name, { root: sample.root }), at)
    assert.ok((await listings(vault, sample.name)).length <= 1, 'the old copy is still listed')
  },
}

const failedReplace: VaultCase = {
  name: 'a replace that fails leaves the old bytes in place',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'failed-replace', blockLength: 50_000 })
    const at = await vault.put(sample)
    const bytes = await bytesOf(sample)
    const broken = withBody(sample, async function* () {
      yield new Uint8Array(bytes.byteLength / 2)
      throw new PerdureError('conformance', 'the case broke the body off')
    })
    await assert.rejects(vault.put(broken, { replace: true }), 'a broken body must be refused')
    await assertHolds(vault, at, sample)
  },
}

const deafListener: VaultCase = {
  name: 'a progress listener that throws does not fail the put',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'listener' })
    const onProgress = () => {
      throw new PerdureError('conformance', 'the listener of the case throws')
    }
    await assertHolds(vault, await vault.put(sample, { onProgress }), sample)
  },
}

const tooLarge: VaultCase = {
  name: 'a pack larger than maxPackBytes is refused before a byte of it is read',
  run: async ({ vault, pack }) => {
    const { maxPackBytes } = vault.profile
    const sample = await pack({ seed: 'too-large' })
    if (maxPackBytes === undefined) return assertHolds(vault, await vault.put(sample), sample)
    const { pack: watched, sent } = counted(sample)
    const large: Pack = { ...watched, byteLength: maxPackBytes + 1 }
    await assertRejects('invalid', () => vault.put(large), 'put of a pack larger than maxPackBytes')
    assert.equal(sent(), 0, 'the body was read')
    await assertNothing(vault, sample)
  },
}

const brokenJournal: VaultCase = {
  name: 'a journal that cannot be kept fails the put of a vault that needs one',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'broken-journal' })
    let asked = 0
    const refuse = async () => {
      asked++
      throw new PerdureError('conformance', 'the journal of the case is broken')
    }
    const put = vault.put(sample, { journal: { load: refuse, save: refuse } })
    const outcome = await put.then(
      () => 'stored',
      () => 'failed',
    )
    assert.equal(outcome, asked > 0 ? 'failed' : 'stored', 'a put must not go on when its journal fails')
    if (outcome === 'failed') await assertNothing(vault, sample)
  },
}

const resumed: VaultCase = {
  name: 'a put that broke off converges when it is resumed with its journal',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'resumed', blocks: 4, blockLength: 50_000 })
    const bytes = await bytesOf(sample)
    const journal = journalInMemory()
    const broken = withBody(sample, async function* () {
      yield bytes.slice(0, bytes.byteLength / 2)
      throw new PerdureError('conformance', 'the case broke the body off')
    })
    await assert.rejects(vault.put(broken, { journal }))
    const at = await vault.put(sample, { journal })
    await assertHolds(vault, at, sample)
    assert.equal(await vault.put(sample, { journal }), at, 'a finished journal must not start another upload')
    assert.ok((await listings(vault, sample.name)).length <= 1, 'list shows a second copy')
  },
}

export const putCases: readonly VaultCase[] = [
  idempotent,
  concurrent,
  abortedPut,
  ...badBodies,
  replaced,
  failedReplace,
  deafListener,
  tooLarge,
  brokenJournal,
  resumed,
]

function journalInMemory(): Journal {
  let state: Uint8Array | undefined
  return {
    load: async () => state,
    save: async (next) => {
      state = next.slice()
    },
  }
}
