/** Cases about what comes back. */
import assert from 'node:assert/strict'
import type { Span } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import { assertHolds, assertNothing, assertRejects, listings, readAll, type VaultCase } from './vault-context.ts'

const sane: VaultCase = {
  name: 'the profile is complete and open can be called again',
  run: async ({ vault }) => {
    const profile = (await vault.open?.()) ?? vault.profile
    assert.match(profile.id, /^[a-z0-9][a-z0-9-]*$/, 'the id must be made of lower-case letters, digits and hyphens')
    assert.equal(profile.id, vault.profile.id, 'open must not change the id')
    assert.equal(profile.addressing, vault.profile.addressing, 'open must not change the addressing')
    assert.ok(profile.network.length > 0 && profile.operator.length > 0, 'network and operator must be named')
    assert.ok(['standing', 'perpetual', 'renewable'].includes(profile.term), `unknown term ${profile.term}`)
    assert.ok(['offset', 'cid'].includes(profile.addressing), `unknown addressing ${profile.addressing}`)
    assert.ok(profile.maxPackBytes === undefined || profile.maxPackBytes > 0, 'maxPackBytes must be positive')
    assert.ok(!profile.canForget || vault.remove, 'a vault that can forget must have remove')
    assert.ok(profile.term !== 'renewable' || vault.renew, 'a vault whose replicas must be renewed must have renew')
    assert.ok(profile.canRetain !== true || (vault.renew && vault.retention), 'a vault that can retain must have renew and retention')
  },
}

const roundTrip: VaultCase = {
  name: 'a pack comes back block by block and whole',
  run: async ({ vault, pack }) => {
    for (const options of [
      { seed: 'round-trip', blocks: 7, blockLength: 3001 },
      { seed: 'one-block', blocks: 1, blockLength: 200_000 },
      { seed: 'empty-block', blocks: 1, blockLength: 0 },
    ]) {
      const sample = await pack(options)
      const at = await vault.put(sample)
      await assertHolds(vault, at, sample)
      assert.notEqual(await vault.status(at), 'absent', 'a pack that was just put is settling or held')
      assert.equal(await vault.locate(sample.name, { root: sample.root }), at, 'locate must find the locator that put gave')
    }
  },
}

const borrowed: VaultCase = {
  name: 'a read into memory of the caller gives the same bytes and leaves what lies behind the span alone',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'borrowed', blocks: 3, blockLength: 5000 })
    const at = await vault.put(sample)
    for (const span of await sample.spans()) {
      const into = new Uint8Array(span.length + 16).fill(0xa5)
      const own = await readAll(vault, at, span)
      assert.ok(Buffer.from(own).equals(await readAll(vault, at, span, { into })), 'the bytes differ from those of a plain read')
      assert.ok(
        into.subarray(span.length).every((byte) => byte === 0xa5),
        'memory behind the span was written to',
      )
    }
  },
}

const ranges: VaultCase = {
  name: 'a read gives the bytes of its span and never one more',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'ranges', blocks: 3, blockLength: 5000 })
    const at = await vault.put(sample)
    const [first, , last] = await sample.spans()
    assert.ok(first && last, 'the sample has three blocks')
    for (const span of [last, first]) assert.equal((await readAll(vault, at, span)).byteLength, span.length)
    if (vault.profile.addressing !== 'offset') return

    const whole = await readAll(vault, at, { cid: sample.root, offset: 0, length: sample.byteLength })
    const { byteLength } = sample
    for (const [offset, length] of [
      [0, 1],
      [byteLength - 1, 1],
      [4999, 2],
      [byteLength - 3, 100],
      [17, 0],
    ] as const) {
      const bytes = await readAll(vault, at, { cid: sample.root, offset, length })
      assert.ok(Buffer.from(whole.subarray(offset, offset + length)).equals(bytes), `bytes ${offset} + ${length} are wrong`)
    }
    assert.equal((await pastTheEnd(vault.read(at, { cid: sample.root, offset: byteLength + 10, length: 10 }))).length, 0)
  },
}

const ownBytes: VaultCase = {
  name: 'bytes that were read belong to the reader: changing them changes nothing in the vault',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'own-bytes' })
    const at = await vault.put(sample)
    for (const span of await sample.spans()) for await (const chunk of vault.read(at, span)) chunk.fill(0)
    await assertHolds(vault, at, sample)
  },
}

const abortedRead: VaultCase = {
  name: 'a read that is aborted stops with the reason of the signal',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'aborted-read', blocks: 2, blockLength: 300_000 })
    const at = await vault.put(sample)
    const [span] = await sample.spans()
    assert.ok(span)
    const reason = new PerdureError('conformance', 'the case aborted the read')
    const before = readAll(vault, at, span, { signal: AbortSignal.abort(reason) })
    await assert.rejects(before, (error) => error === reason, 'an aborted signal must stop a read before its first byte')

    const during = new AbortController()
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of vault.read(at, wide(span, vault.profile.addressing, sample.byteLength), { signal: during.signal })) {
        chunks.push(chunk)
        during.abort(reason)
      }
    } catch (error) {
      assert.equal(error, reason, 'an aborted read must reject with the reason')
    }
    assert.equal(chunks.length, 1, 'nothing may come after the abort')
    await assertHolds(vault, at, sample)
  },
}

const relocated: VaultCase = {
  name: 'a fresh instance finds what another one put, and reads it by the old locator',
  wants: 'reopen',
  run: async ({ vault, pack, reopen }) => {
    assert.ok(reopen)
    const sample = await pack({ seed: 'relocated' })
    const at = await vault.put(sample)
    const fresh = await reopen()
    assert.equal(await fresh.locate(sample.name, { root: sample.root }), at)
    assert.equal(await fresh.put(sample), at, 'put after a lost locator must not make a second one')
    await assertHolds(fresh, at, sample)
    assert.ok((await listings(fresh, sample.name)).length <= 1, 'there is one copy')
    await fresh.close?.()
  },
}

const indexPacks: VaultCase = {
  name: 'index packs are kept apart from content packs in list and locate',
  needs: 'list',
  run: async ({ vault, pack }) => {
    const content = await pack({ seed: 'apart' })
    const index = await pack({ seed: 'apart', kind: 'index' })
    const places = new Map([
      [content, await vault.put(content)],
      [index, await vault.put(index)],
    ])
    for (const [sample, at] of places) {
      await assertHolds(vault, at, sample)
      assert.equal(await vault.locate(sample.name, { kind: sample.kind, root: sample.root }), at, 'locate must find it under its kind')
      const [listed, ...more] = await listings(vault, sample.name)
      assert.equal(more.length, 0, 'a pack is listed once')
      assert.deepEqual(
        { kind: listed?.kind, at: listed?.at, byteLength: listed?.byteLength },
        { kind: sample.kind, at, byteLength: sample.byteLength },
      )
      for await (const each of vault.list?.({ kind: sample.kind }) ?? [])
        assert.equal(each.kind, sample.kind, 'list gave a pack of the other kind')
    }
  },
}

const neverPut: VaultCase = {
  name: 'a pack that was never put is absent as a value',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'never-put' })
    assert.equal(await vault.locate(sample.name, { kind: 'content', root: sample.root }), undefined)
    await assertNothing(vault, sample)
    await assertNothing(vault, await pack({ seed: 'never-put', kind: 'index' }))
  },
}

const lost: VaultCase = {
  name: 'a replica that was lost behind the vault is absent, and can be put again',
  wants: 'lose',
  run: async ({ vault, pack, lose }) => {
    assert.ok(lose)
    const sample = await pack({ seed: 'lost' })
    const at = await vault.put(sample)
    await lose(at)
    assert.equal(await vault.status(at), 'absent')
    const [span] = await sample.spans()
    assert.ok(span)
    await assertRejects('absent', () => readAll(vault, at, span), 'read of a lost replica')
    await assertNothing(vault, sample)
    await assertHolds(vault, await vault.put(sample), sample)
  },
}

export const readCases: readonly VaultCase[] = [
  sane,
  roundTrip,
  borrowed,
  ranges,
  ownBytes,
  abortedRead,
  relocated,
  indexPacks,
  neverPut,
  lost,
]

/** As much as can be asked for, so that a vault that streams has more to give than one chunk. */
function wide(span: Span, addressing: 'offset' | 'cid', byteLength: number): Span {
  return addressing === 'offset' ? { cid: span.cid, offset: 0, length: byteLength } : span
}

/** Nothing is there: an error is fine, a byte is not. */
async function pastTheEnd(read: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of read) if (chunk.byteLength > 0) chunks.push(chunk)
  } catch (error) {
    assert.notEqual((error as { code?: unknown }).code, 'absent', 'the replica is there, only the range is not')
  }
  return chunks
}
