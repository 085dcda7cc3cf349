/** Cases about what goes out, and about being refused. */
import assert from 'node:assert/strict'
import { assertHolds, assertNothing, assertRejects, listings, readAll, type VaultCase } from './vault-context.ts'

const removed: VaultCase = {
  name: 'a removed pack is absent on every method, and removing it again is silent',
  needs: 'remove',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'removed' })
    const other = await pack({ seed: 'not-removed' })
    const at = await vault.put(sample)
    const otherAt = await vault.put(other)
    await vault.remove?.(at)
    assert.equal(await vault.status(at), 'absent')
    const [span] = await sample.spans()
    assert.ok(span)
    await assertRejects('absent', () => readAll(vault, at, span), 'read of a removed pack')
    await assertNothing(vault, sample)
    await vault.remove?.(at)
    await assertHolds(vault, otherAt, other)
  },
}

const putAgain: VaultCase = {
  name: 'a removed pack can be put again',
  needs: 'remove',
  run: async ({ vault, pack }) => {
    for (const kind of ['content', 'index'] as const) {
      const sample = await pack({ seed: 'put-again', kind })
      await vault.remove?.(await vault.put(sample))
      const at = await vault.put(sample)
      await assertHolds(vault, at, sample)
      assert.equal(await vault.locate(sample.name, { kind, root: sample.root }), at)
    }
  },
}

const denied: VaultCase = {
  name: 'denied is not absent, on any method',
  wants: 'deny',
  run: async ({ vault, pack, deny }) => {
    assert.ok(deny)
    const sample = await pack({ seed: 'denied' })
    const other = await pack({ seed: 'denied-put' })
    const at = await vault.put(sample)
    const [span] = await sample.spans()
    assert.ok(span)
    const undo = await deny()
    try {
      await assertRejects('denied', () => vault.put(other), 'put')
      await assertRejects('denied', () => vault.locate(sample.name, { root: sample.root }), 'locate')
      await assertRejects('denied', () => vault.locate(other.name, { root: other.root }), 'locate of an absent pack')
      await assertRejects('denied', () => vault.status(at), 'status')
      await assertRejects('denied', () => readAll(vault, at, span), 'read')
      if (vault.list) await assertRejects('denied', () => listings(vault, sample.name), 'list')
      const { remove } = vault
      if (remove) await assertRejects('denied', () => remove(at), 'remove')
    } finally {
      await undo()
    }
    await assertHolds(vault, at, sample)
    await assertNothing(vault, other)
  },
}

export const removeCases: readonly VaultCase[] = [removed, putAgain, denied]
