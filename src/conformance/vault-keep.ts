/** Cases about what vaults may offer beyond keeping: locks that hold until a date, and bytes that are read only after a restore. */
import assert from 'node:assert/strict'
import type { Locator, Vault, VaultProfile } from '../contracts.ts'
import { assertHolds, assertNothing, assertRejects, readAll, type VaultCase } from './vault-context.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

/** Capabilities may be known only when the vault was opened. */
const profileOf = async (vault: Vault): Promise<VaultProfile> => (await vault.open?.()) ?? vault.profile

async function assertRetained(vault: Vault, at: Locator, until: Date): Promise<void> {
  const held = await vault.retention?.(at)
  assert.ok(held, 'nothing retains a pack that was to be retained')
  assert.ok(held.until.getTime() >= until.getTime(), `retained until ${held.until.toISOString()} instead of ${until.toISOString()}`)
}

const retained: VaultCase = {
  name: 'a pack put to be retained is retained and cannot be removed, or is refused as unsupported and not stored',
  needs: 'retention',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'retained' })
    const retain = { until: inDays(2), mode: 'governance' } as const
    if ((await profileOf(vault)).canRetain !== true) {
      await assertRejects('unsupported', () => vault.put(sample, { retain }), 'put with retain')
      return assertNothing(vault, sample)
    }
    const at = await vault.put(sample, { retain })
    await assertRetained(vault, at, retain.until)
    const { remove } = vault
    if (remove) await assertRejects('denied', () => remove(at), 'remove of a retained pack')
    assert.equal(await vault.status(at), 'held')
    await assertHolds(vault, at, sample)
    assert.equal(await vault.locate(sample.name, { root: sample.root }), at)
  },
}

const extended: VaultCase = {
  name: 'a pack that is there already is retained by the next put, extended by renew, and never shortened',
  needs: 'retention',
  run: async ({ vault, pack }) => {
    if ((await profileOf(vault)).canRetain !== true) return
    const { renew } = vault
    assert.ok(renew, 'a vault that can retain must have renew')
    const sample = await pack({ seed: 'extended' })
    const before = await vault.put(sample)
    let at = await vault.put(sample, { retain: { until: inDays(2) } })
    assert.equal(at, before, 'the pack was stored again to be retained')
    await assertRetained(vault, at, inDays(1.9))
    const far = inDays(5)
    at = await renew(at, far)
    await assertRetained(vault, at, far)
    at = await renew(at, inDays(1))
    await vault.put(sample, { retain: { until: inDays(1) } })
    await assertRetained(vault, at, far)
    await assertHolds(vault, at, sample)
  },
}

const warmth: VaultCase = {
  name: 'warmth tells whether bytes come: of what is readable they do, of what is not the read says that a restore is needed',
  needs: 'warmth',
  run: async ({ vault, pack }) => {
    const sample = await pack({ seed: 'warmth' })
    const at = await vault.put(sample)
    const [span] = await sample.spans()
    assert.ok(span)
    const found = await vault.warmth?.(at)
    if (found?.state === 'readable') assert.equal((await readAll(vault, at, span)).byteLength, span.length)
    else await assertRejects('unsupported', () => readAll(vault, at, span), 'read of a frozen pack')
  },
}

const thawed: VaultCase = {
  name: 'thaw begins a restore once, says how far it is each time, and refuses no days at all',
  needs: 'thaw',
  run: async ({ vault, pack }) => {
    const { thaw } = vault
    assert.ok(thaw && vault.warmth, 'a vault that can thaw must have warmth')
    const at = await vault.put(await pack({ seed: 'thawed' }))
    await assertRejects('invalid', () => thaw(at, { days: 0 }), 'thaw for no days')
    for (const time of ['first', 'second'])
      assert.notEqual((await thaw(at, { days: 1 })).state, 'frozen', `still frozen after the ${time} thaw`)
    assert.notEqual((await vault.warmth(at)).state, 'frozen')
  },
}

export const keepCases: readonly VaultCase[] = [retained, extended, warmth, thawed]
