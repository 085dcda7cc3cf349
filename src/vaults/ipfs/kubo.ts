/** A vault on a Kubo node of one's own, by its RPC API. It keeps DAGs: `ipfs:<root>` is a recursive pin. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Locator, Pack, Span, Vault, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { blockOf } from './kubo/blocks.ts'
import { importDag } from './kubo/import.ts'
import { mend } from './kubo/mend.ts'
import { type KuboOptions, type Settings, settingsOf } from './kubo/options.ts'
import { isPinned, unpin } from './kubo/pins.ts'
import { askLines, askText } from './kubo/rpc.ts'
import { locatorOf, rootIn } from './pinning/requests.ts'

export type { KuboAuth, KuboOptions } from './kubo/options.ts'

/**
 * Nothing is asked before the first call. Throws VaultError `invalid` for options that cannot be. Index packs are no DAGs, and `unsupported`.
 * The node fetches nothing for this vault: what it does not hold itself is absent.
 */
export function kubo(options: KuboOptions): Vault {
  const settings = settingsOf(options)
  const { node, profile, gateway } = settings
  let peerId: string | undefined
  return {
    profile,
    open: async ({ signal } = {}) => {
      const [who] = await askLines(node, { command: 'id', doing: 'asking the node who it is' }, { signal })
      if (typeof who?.ID !== 'string')
        throw new VaultError('unreachable', node.id, 'what answers is not a Kubo node; check `api` and proxies')
      peerId = who.ID
      return { ...profile, labels: { node: who.ID, ...profile.labels } }
    },
    put: (pack, putOptions) => putDag(settings, pack, putOptions),
    locate: async (_, { signal, kind, root } = {}) =>
      root && kind !== 'index' && (await isPinned(node, root, { signal })) ? locatorOf(root) : undefined,
    status: async (at, { signal } = {}) => ((await isPinned(node, rootIn(node.id, at), { signal })) ? 'held' : 'absent'),
    read: (at, span, readOptions) => readBlock(settings, at, span, readOptions),
    readsFrom: () => ({
      from: `${gateway ? `the gateway ${new URL(gateway.url).host} of ` : ''}Kubo node ${peerId ?? `at ${node.api.host}`}`,
      doubt: gateway
        ? 'only what the gateway has at hand; that this is the store of the node, and the node keeps it, is its word'
        : 'the node’s own store, read offline; that the node keeps them is its word',
    }),
    remove: async (at, { signal } = {}) => unpin(node, rootIn(node.id, at), { signal }),
  }
}

async function putDag({ node, provide }: Settings, pack: Pack, { signal, replace, onProgress }: VaultPutOptions = {}): Promise<Locator> {
  signal?.throwIfAborted()
  const at = locatorOf(pack.root)
  if (!pack.dag) throw new VaultError('unsupported', node.id, 'a pack without its DAG is not kept on IPFS; put content through an archive')
  if (!replace && (await isPinned(node, pack.root, { signal }))) return at
  const dag = await pack.dag({ signal })
  const options = { signal, onProgress }
  if (replace || !(await importDag(node, dag, options))) await mend(node, dag, options)
  if (provide) await announce(node, pack.root, { signal })
  return at
}

/** The pin is there: that nobody was told of it fails nothing. */
async function announce(node: Settings['node'], root: CID, options: AbortOptions): Promise<void> {
  try {
    await askText(node, { command: 'routing/provide', query: { arg: `${root}` }, doing: `announcing ${root}` }, options)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
  }
}

async function* readBlock({ node, gateway }: Settings, at: Locator, span: Span, { signal }: AbortOptions = {}): AsyncGenerator<Uint8Array> {
  rootIn(node.id, at)
  const { cid, length } = span
  if (!gateway) return yield await blockOf(node, cid, length, { signal })
  let bytes: Uint8Array
  try {
    bytes = await gateway.block(cid, { signal, onlyIfCached: true })
  } catch (cause) {
    if (!(cause instanceof VaultError)) throw cause
    const { code, retryAfterMs, message } = cause
    throw new VaultError(code, node.id, `its gateway did not give block ${cid}: ${message}`, { cause, retryAfterMs })
  }
  if (bytes.byteLength > length) throw new VaultError('damaged', node.id, `block ${cid} has more than ${length} bytes; verify again`)
  yield bytes
}
