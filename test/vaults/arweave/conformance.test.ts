import { afterAll, beforeAll, describe, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../../src/conformance/vault.ts'
import type { Vault } from '../../../src/contracts.ts'
import { arweave } from '../../../src/vaults/arweave.ts'
import { arweaveChain } from '../../fakes/arweave/chain.ts'
import { testKey } from '../../fakes/arweave/key.ts'
import { arweaveNode } from '../../fakes/arweave/node.ts'
import { DEEP, idOf, RICH } from './on-fake.ts'

for (const count of [1, 3]) {
  describe(`arweave on ${count} fake ${count === 1 ? 'gateway' : 'gateways'}`, () => {
    let context: VaultContext & { close(): Promise<void> }
    beforeAll(async () => {
      context = await contextOf(count)
    })
    afterAll(() => context.close())
    for (const { name, needs, wants, run } of vaultCases) {
      it(name, async ({ skip }) => {
        skip(needs !== undefined && context.vault[needs] === undefined, `the vault has no ${needs}`)
        skip(wants !== undefined && context[wants] === undefined, `there is no way to ${wants}`)
        await run(context)
      })
    }
  })
}

async function contextOf(count: number) {
  const chain = arweaveChain()
  const nodes = await Promise.all(Array.from({ length: count }, () => arweaveNode(chain)))
  const key = testKey()
  chain.fund(key.address, RICH)
  const opened = async (): Promise<Vault> => {
    const vault = arweave({ key: { ...key.jwk }, gateways: nodes.map(({ url }) => url), wait: async () => undefined, timeoutMs: 20_000 })
    await vault.open?.()
    const put: Vault['put'] = async (pack, options) => {
      const at = await vault.put(pack, options)
      chain.mine()
      return at
    }
    const status: Vault['status'] = (at, options) => {
      chain.mine(DEEP)
      return vault.status(at, options)
    }
    return { ...vault, put, status }
  }
  return {
    vault: await opened(),
    pack: samplePack,
    reopen: opened,
    lose: async (at: string) => chain.orphan(idOf(at), { to: 'away' }),
    deny: async () => {
      for (const { behaviour } of nodes) behaviour.denied = true
      return async () => {
        for (const { behaviour } of nodes) behaviour.denied = false
      }
    },
    close: async () => void (await Promise.all(nodes.map((node) => node.close()))),
  }
}
