import { afterAll, beforeAll, describe, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../../src/conformance/vault.ts'
import type { Vault } from '../../../src/contracts.ts'
import { filecoin } from '../../../src/filecoin.ts'
import { startFilecoin } from '../../fakes/filecoin/house.ts'
import type { FilecoinHouse } from '../../fakes/filecoin/types.ts'

describe('filecoin on a chain and providers of our own', () => {
  let house: FilecoinHouse
  let context: VaultContext
  beforeAll(async () => {
    house = await startFilecoin()
    await house.settle()
    context = await contextOf(house)
  })
  afterAll(() => house.close())
  for (const { name, needs, wants, run } of vaultCases) {
    it(name, { timeout: 30_000 }, async ({ skip }) => {
      skip(needs !== undefined && context.vault[needs] === undefined, `the vault has no ${needs}`)
      skip(wants !== undefined && context[wants] === undefined, `there is no way to ${wants}`)
      await run(context)
    })
  }
})

async function contextOf(house: FilecoinHouse): Promise<VaultContext> {
  const { rpc, chain, clientKey: key, providers, proxy } = house
  const opened = async (): Promise<Vault> => {
    const vault = filecoin({ key, rpc, chain, maxLagMs: Number.MAX_SAFE_INTEGER, wait: async () => undefined, timeoutMs: 20_000 })
    await vault.open?.()
    return vault
  }
  return {
    vault: await opened(),
    pack: samplePack,
    reopen: opened,
    // By the payer, from another machine: what a provider loses, the chain does not know.
    lose: async (at) => {
      const [, dataSetId = '0', , cid = ''] = at.split(':')
      const provider = providers.find(({ pieces }) => pieces.has(cid))
      await (await opened()).remove?.(at)
      provider?.lose(cid)
      await provider?.nextPeriod(BigInt(dataSetId))
    },
    deny: async () => {
      proxy.refuse = { status: 403, times: Number.POSITIVE_INFINITY }
      for (const { faults } of providers) Object.assign(faults, { refuses: 403, refusesRetrieval: 403 })
      return async () => {
        proxy.reset()
        for (const { faults } of providers) Object.assign(faults, { refuses: undefined, refusesRetrieval: undefined })
      }
    },
  }
}
