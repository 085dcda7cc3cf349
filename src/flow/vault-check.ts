/** `vault test`: a small pack of random bytes makes the whole journey through one vault. */
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, Pack, Vault, VaultCheck } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { addressOf, matches, RAW } from '../format/address.ts'
import { layout, packOf } from '../format/pack.ts'
import type { Context } from './context.ts'
import { openVault } from './open-vaults.ts'

const BYTES = 64 * 1024

type Step = VaultCheck['steps'][number]

/** Puts, finds, reads back and hashes, and where it can removes again. Paid vaults are only asked for what costs nothing. */
export async function checkVault(context: Context, vault: Vault, options: AbortOptions = {}): Promise<VaultCheck> {
  const { signal } = options
  const steps: Step[] = []
  const pack = randomPack(context)
  const step = async <T>(name: string, work: () => Promise<T>, { mayRefuse = false } = {}): Promise<T | undefined> => {
    const began = performance.now()
    const ms = () => Math.round((performance.now() - began) * 10) / 10
    try {
      const value = await work()
      steps.push({ name, ok: true, ms: ms() })
      return value
    } catch (error) {
      signal?.throwIfAborted()
      const isRefusal = mayRefuse && error instanceof VaultError && error.code === 'denied'
      steps.push({ name, ok: isRefusal, ms: ms(), detail: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }
  const fail = (message: string) => {
    throw new VaultError('damaged', vault.profile.id, message)
  }
  const looked = async () => {
    const profile = await openVault(context.catalog, vault, { thorough: true })
    context.unopened.delete(vault.profile.id)
    return profile
  }
  const profile = vault.open ? ((await step('open', looked)) ?? vault.profile) : vault.profile
  await step('absent pack is absent', async () => {
    if ((await vault.locate(pack.name, { signal, root: pack.root })) !== undefined) fail('it claims to hold a pack of fresh random bytes')
  })
  if (!vault.profile.paid) {
    const at = await step('put', () => vault.put(pack, { signal }))
    if (at !== undefined) {
      await step('locate', async () => {
        if ((await vault.locate(pack.name, { signal, root: pack.root })) === undefined) fail('it does not find what it just took')
      })
      await step('read back', async () => {
        for (const span of await pack.spans()) {
          if (!matches(span.cid, await collect(vault.read(at, span, { signal }), span.length)))
            fail('the bytes that came back are not the bytes that were put')
        }
      })
      if (vault.remove) {
        const removed = async () => {
          await vault.remove?.(at, { signal })
          if ((await vault.status(at, { signal })) === 'held') fail('it still holds what it was told to remove')
        }
        // A vault that does not promise to forget may refuse: that is how it is set up, and no failure.
        await step('remove', removed, { mayRefuse: !profile.canForget })
      }
    }
  }
  const { id, labels } = profile
  return { vault: id, ok: steps.every(({ ok }) => ok), ...(labels && { labels }), steps }
}

function randomPack(context: Context): Pack {
  const bytes = context.random(BYTES)
  const cid = addressOf(bytes, RAW)
  const made = packOf(cid, [{ cid, bytes }])
  const { spans } = layout({ root: cid, blocks: [[cid, bytes.byteLength]] })
  return {
    name: made.name,
    kind: 'content',
    root: cid,
    byteLength: made.bytes.byteLength,
    async *open({ offset = 0, length = made.bytes.byteLength - offset } = {}) {
      yield made.bytes.subarray(offset, offset + length)
    },
    spans: async () => spans,
    dag: async () => ({
      root: cid,
      blockCount: 1,
      byteLength: made.bytes.byteLength,
      async *car() {
        yield made.bytes
      },
      has: async (other) => other.equals(cid),
      block: async (other) => (other.equals(cid) ? bytes : undefined),
    }),
  }
}
