import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds } from '../../../src/conformance/vault-context.ts'
import type { Journal } from '../../../src/contracts.ts'
import { filecoin } from '../../../src/filecoin.ts'
import { startFilecoin } from '../../fakes/filecoin/house.ts'

/** More than one put asks. */
const MOST_REQUESTS = 120

function journalInMemory(): Journal {
  let state: Uint8Array | undefined
  return {
    load: async () => state,
    save: async (next) => {
      state = next.slice()
    },
  }
}

describe('a put whose node hangs up', () => {
  it.each(['before', 'after'] as const)(
    '%s the answer of any one of its requests is gone on with by the next process, and paid for once',
    { timeout: 120_000 },
    async (when) => {
      const house = await startFilecoin({ providers: 1 })
      onTestFinished(() => house.close())
      await house.settle()
      const { rpc, chain, clientKey: key, proxy } = house
      const opened = () => filecoin({ key, rpc, chain, maxLagMs: Number.MAX_SAFE_INTEGER, wait: async () => undefined, timeoutMs: 5_000 })
      let failed = 0
      for (let request = 1; request <= MOST_REQUESTS; request++) {
        const pack = await samplePack({ seed: `killed ${when} ${request}` })
        const journal = journalInMemory()
        proxy.cutAt = { request, when }
        const first = await opened()
          .put(pack, { journal })
          .catch((error: unknown) => error)
        const wasCut = proxy.cutAt === undefined
        proxy.reset()
        if (first instanceof Error) {
          expect(first).toMatchObject({ code: 'unreachable' })
          failed++
        }
        const vault = opened()
        const at = await vault.put(pack, { journal })
        if (typeof first === 'string') expect(at).toBe(first)
        await assertHolds(vault, at, pack)
        const [, , , cid] = at.split(':')
        const added = (await house.events('PieceAdded')).filter(({ args }) => shownCid(args.pieceCid) === cid)
        expect(added, `request ${request}`).toHaveLength(1)
        if (!wasCut && first === at) break
      }
      expect(failed).toBeGreaterThan(5)
      // One data set, which verifier and service each tell of.
      expect(await house.events('DataSetCreated')).toHaveLength(2)
    },
  )
})

const shownCid = (struct: unknown): string => {
  const { data = '0x' } = (struct ?? {}) as { readonly data?: string }
  return CID.decode(Buffer.from(data.slice(2), 'hex')).toString()
}
