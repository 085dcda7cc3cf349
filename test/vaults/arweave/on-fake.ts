/** A vault over fake Arweave nodes on one chain, with what a crash leaves behind. */
import { onTestFinished } from 'vitest'
import { type SampleOptions, samplePack } from '../../../src/conformance/fixture.ts'
import type { Journal, Locator, Span, Vault } from '../../../src/contracts.ts'
import { type ArweaveOptions, arweave } from '../../../src/vaults/arweave.ts'
import type { Behaviour } from '../../fakes/arweave/behaviour.ts'
import { arweaveChain, type Chain } from '../../fakes/arweave/chain.ts'
import { type TestKey, testKey } from '../../fakes/arweave/key.ts'
import { arweaveNode, type FakeNode } from '../../fakes/arweave/node.ts'

export const RICH = 10n ** 15n
export const DEEP = 12

export interface Place {
  readonly chain: Chain
  readonly nodes: readonly FakeNode[]
  readonly key: TestKey
  readonly vault: Vault
  readonly journal: Journal & { readonly state: () => Uint8Array | undefined }
  /** What a second process is. */
  readonly restart: (options?: Partial<ArweaveOptions>) => Vault
}

/** One behaviour for each node; three honest ones by default. Ends with the test. */
export async function placed(
  options: Partial<ArweaveOptions> & { readonly nodes?: readonly Partial<Behaviour>[]; readonly winston?: bigint } = {},
): Promise<Place> {
  const { nodes: behaviours = [{}, {}, {}], winston = RICH, ...rest } = options
  const chain = arweaveChain()
  const nodes = await Promise.all(behaviours.map((behaviour) => arweaveNode(chain, behaviour)))
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
  const key = testKey()
  chain.fund(key.address, winston)
  const gateways = nodes.map(({ url }) => url)
  const restart = (more: Partial<ArweaveOptions> = {}) =>
    arweave({ key: { ...key.jwk }, gateways, timeoutMs: 20_000, wait: async () => undefined, ...rest, ...more })
  return { chain, nodes, key, vault: restart(), journal: journalInMemory(), restart }
}

export function journalInMemory(): Place['journal'] {
  let state: Uint8Array | undefined
  return {
    state: () => state,
    load: async () => state,
    save: async (next) => {
      state = next.slice()
    },
  }
}

/** About 660 kB in three chunks, unless told otherwise. */
export const pack = (options: SampleOptions = {}) => samplePack({ seed: 'arweave', blocks: 10, blockLength: 66_000, ...options })

export async function readAll(vault: Vault, at: Locator, span: Span, options?: Parameters<Vault['read']>[2]): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of vault.read(at, span, options)) parts.push(part)
  return Buffer.concat(parts)
}

/** The id in a locator. */
export const idOf = (at: Locator): string => at.split(':')[1] ?? ''
