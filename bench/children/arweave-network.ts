/** A fake Arweave node with latency, in a process of its own: prints its address, funds the wallet that it was told, and ends with its standard input. */
import { arweaveChain } from '../../test/fakes/arweave/chain.ts'
import { arweaveNode } from '../../test/fakes/arweave/node.ts'

const [, , address = '', latencyMs = '0'] = process.argv
const chain = arweaveChain()
chain.fund(address, 10n ** 18n)
const node = await arweaveNode(chain, { latencyMs: Number(latencyMs) })
process.stdout.write(`${node.url}\n`)
process.stdin.resume().once('end', () => void node.close())
