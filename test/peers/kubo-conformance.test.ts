/** The conformance cases on a real Kubo daemon, which is asked to collect its garbage after each unpinning. */
import { randomUUID } from 'node:crypto'
import { describe, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { kubo } from '../../src/ipfs.ts'
import { asPackVault, dagCasesFor } from '../vaults/ipfs/dag-conformance.ts'

const API = process.env.PERDURE_KUBO_API ?? ''
const GATEWAY = process.env.PERDURE_KUBO_GATEWAY ?? ''

const rpc = async (path: string) => {
  const response = await fetch(`${API}/api/v0/${path}`, { method: 'POST', signal: AbortSignal.timeout(20_000) })
  await response.arrayBuffer()
}
const collect = () => rpc('repo/gc')

describe.skipIf(API === '')('conformance of the vault on a real Kubo daemon', { timeout: 60_000 }, () => {
  const cases = dagCasesFor(kubo({ api: 'http://127.0.0.1:5001' }), ['lose', 'reopen'])
  for (const [way, gateway] of [
    ['its API', undefined],
    ['its gateway', GATEWAY],
  ] as const)
    it.each(cases.map((one) => [one.name, one] as const))(`by ${way}: %s`, async (_, { run }) => {
      const made = () => asPackVault(kubo({ api: API, gateway }), collect)
      const seed = randomUUID()
      await run({
        vault: made(),
        pack: (options) => samplePack({ ...options, seed: `${options?.seed} ${seed}`, linked: true }),
        reopen: async () => made(),
        lose: async (at) => {
          await rpc(`pin/rm?arg=${at.slice('ipfs:'.length)}`)
          await collect()
        },
      })
    })
})
