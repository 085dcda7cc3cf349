/** What the tests of the fake Arweave share: a chain, a node, and the `arweave` package as a client that knows nothing of the fake. */
import Arweave from 'arweave'
import { onTestFinished } from 'vitest'
import type { Behaviour } from './behaviour.ts'
import { arweaveChain, type Chain } from './chain.ts'
import { type TestKey, testKey } from './key.ts'
import type { Transaction } from './library.ts'
import { arweaveNode, type FakeNode } from './node.ts'

export const RICH = 10n ** 15n

export interface House {
  readonly chain: Chain
  readonly node: FakeNode
  readonly key: TestKey
  readonly client: Arweave
  readonly get: (path: string, init?: RequestInit) => Promise<Response>
  readonly post: (path: string, body: unknown) => Promise<Response>
}

/** With a funded wallet; the node is closed when the test ends. */
export async function house(behaviour: Partial<Behaviour> = {}, chain: Chain = arweaveChain()): Promise<House> {
  const node = await arweaveNode(chain, behaviour)
  onTestFinished(() => node.close())
  const key = testKey()
  chain.fund(key.address, RICH)
  const { hostname: host, port } = new URL(node.url)
  const get: House['get'] = (path, init) => fetch(node.url + path, init)
  return {
    chain,
    node,
    key,
    client: Arweave.init({ host, port, protocol: 'http' }),
    get,
    post: (path, body) => get(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
  }
}

type Library = InstanceType<typeof Transaction>

/** A transaction made and signed by the package, its price and anchor asked of the node unless given. */
export async function made({ client, key }: House, data: Uint8Array, given: { tags?: object; last_tx?: string; reward?: string } = {}) {
  const { tags = {}, ...attributes } = given
  const transaction: Library = await client.createTransaction({ data, ...attributes }, { ...key.jwk })
  for (const [name, value] of Object.entries(tags)) transaction.addTag(name, value)
  await client.transactions.sign(transaction, { ...key.jwk })
  return transaction
}

/** Its JSON without the data, as it is posted before the chunks. */
export const headerOf = (transaction: Library) => ({ ...transaction.toJSON(), data: '' })

/** Posts header and chunks. */
export async function uploaded(at: House, data: Uint8Array, tags: object = {}) {
  const transaction = await made(at, data, { tags })
  await at.post('/tx', headerOf(transaction))
  for (const [n] of (transaction.chunks?.chunks ?? []).entries()) await at.post('/chunk', transaction.getChunk(n, data))
  return transaction
}
