/**
 * A vault of your own in one file: packs on a plain HTTP server, proven with the published conformance suite and then used by an archive.
 * Copy `httpVault`, replace the requests by those of your network, and keep the promises that the comments name.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { samplePack, vaultCases } from '../src/conformance/index.ts'
import { createArchive, memory, type Pack, type PackKind, type Vault, VaultError, type VaultProfile } from '../src/index.ts'

export interface HttpVaultOptions {
  readonly url: string
  readonly token: string
  readonly id: string
}

export function httpVault({ url, token, id }: HttpVaultOptions): Vault {
  const profile: VaultProfile = {
    id,
    network: 'http',
    operator: new URL(url).host,
    term: 'standing',
    canForget: true,
    paid: false,
    cold: false,
    addressing: 'offset',
  }

  const request = requests({ url, token, id })
  const locate: Vault['locate'] = async (name, { signal, kind } = {}) => {
    for (const each of kind === undefined ? (['content', 'index'] as const) : [kind]) {
      const response = await request('HEAD', `${each}/${name}`, { signal: signal ?? null })
      if (response.ok) return `${each}/${name}`
    }
    return undefined
  }

  return {
    profile,
    locate,
    put: async (pack, { signal, onProgress, replace = false } = {}) => {
      const at = `${pack.kind}/${pack.name}`
      if (!replace && (await locate(pack.name, { signal, kind: pack.kind })) !== undefined) return at
      let failure: unknown
      const body = countedBody(pack, { signal, id, onBytes: (byteLength) => onProgress?.({ type: 'bytes-sent', byteLength }) })
      const kept = rethrowing(body, (error) => {
        failure = error
      })
      try {
        await request('PUT', at, {
          body: kept,
          duplex: 'half',
          signal: signal ?? null,
          headers: { 'x-length': String(pack.byteLength) },
          // Node's fetch takes any async iterable as a body; the DOM's types know nothing of that.
        } as unknown as RequestInit)
      } catch (error) {
        throw failure ?? error
      }
      return at
    },
    status: async (at, { signal } = {}) => ((await request('HEAD', at, { signal: signal ?? null })).ok ? 'held' : 'absent'),
    read: async function* (at, span, { signal } = {}) {
      signal?.throwIfAborted()
      const range = `bytes=${span.offset}-${span.offset + span.length - 1}`
      const response = await request('GET', at, { signal: signal ?? null, headers: { range } })
      if (response.status === 404) throw new VaultError('absent', id, `${at} is not there; repair the object`)
      if (response.status !== 206) return
      let left = span.length
      for await (const chunk of response.body ?? []) {
        signal?.throwIfAborted()
        yield chunk.subarray(0, left)
        left -= Math.min(left, chunk.byteLength)
      }
    },
    list: async function* ({ signal, kind } = {}) {
      const all = (await (await request('GET', '', { signal: signal ?? null })).json()) as { at: string; byteLength: number }[]
      for (const { at, byteLength } of all) {
        const [found, name] = at.split('/') as [PackKind, string]
        if (kind === undefined || kind === found) yield { name: CID.parse(name), kind: found, at, byteLength }
      }
    },
    remove: async (at, { signal } = {}) => void (await request('DELETE', at, { signal: signal ?? null })),
  }
}

/** One request, no retries: what is not an answer is `unreachable`, a refusal is `denied`, and neither is ever absence. */
function requests({ url, token, id }: HttpVaultOptions) {
  return async (method: string, path: string, init: RequestInit = {}): Promise<Response> => {
    let response: Response
    try {
      response = await fetch(new URL(path, url), { ...init, method, headers: { ...init.headers, authorization: `Bearer ${token}` } })
    } catch (cause) {
      init.signal?.throwIfAborted()
      throw new VaultError('unreachable', id, `${method} ${path} got no answer`, { cause })
    }
    if (response.status === 401 || response.status === 403)
      throw new VaultError('denied', id, `${method} ${path} was refused; check the token`)
    if (response.ok || response.status === 404 || response.status === 416) return response
    throw new VaultError(response.status === 507 ? 'exhausted' : 'unreachable', id, `${method} ${path} answered ${response.status}`)
  }
}

/** The pack's bytes and not one more or less: a body that does not match its length must leave nothing behind. */
async function* countedBody(
  pack: Pack,
  {
    signal,
    id,
    onBytes,
  }: { readonly signal: AbortSignal | undefined; readonly id: string; readonly onBytes: (byteLength: number) => void },
): AsyncGenerator<Uint8Array> {
  let sent = 0
  for await (const chunk of pack.open({ signal })) {
    signal?.throwIfAborted()
    sent += chunk.byteLength
    if (sent > pack.byteLength) break
    yield chunk
    try {
      onBytes(chunk.byteLength)
    } catch {
      // A listener's own bug does not fail a transfer that goes well.
    }
  }
  if (sent !== pack.byteLength)
    throw new VaultError('damaged', id, `pack ${pack.name} did not give the ${pack.byteLength} bytes it announced`)
}

/** `fetch` hides why a body failed; this keeps it. */
async function* rethrowing<T>(source: AsyncIterable<T>, onError: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* source
  } catch (error) {
    onError(error)
    throw error
  }
}

/** The other side: a server as small as it can be. It keeps a body only when all of it came. */
function handler(store: Map<string, Buffer>, accepts: () => string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = decodeURIComponent((request.url ?? '/').slice(1))
    const found = store.get(at)
    const end = (status: number, body?: Buffer | string) => void response.writeHead(status).end(body)
    if (request.headers.authorization !== `Bearer ${accepts()}`) return end(403)
    if (request.method === 'PUT') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      if (body.byteLength !== Number(request.headers['x-length'])) return end(400)
      store.set(at, body)
      return end(201)
    }
    if (request.method === 'DELETE') return end(store.delete(at) ? 204 : 404)
    if (at === '') return end(200, JSON.stringify([...store].map(([key, body]) => ({ at: key, byteLength: body.byteLength }))))
    if (!found) return end(404)
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (first === undefined || last === undefined) return end(200, request.method === 'HEAD' ? undefined : found)
    return Number(first) >= found.byteLength ? end(416) : end(206, found.subarray(Number(first), Number(last) + 1))
  }
}

const store = new Map<string, Buffer>()
let accepted = 'secret'
const handle = handler(store, () => accepted)
const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy())
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const options = () => ({ id: 'mine', token: 'secret', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
const vault = httpVault(options())

// First the proof: every case of the suite, those left out by declaration only.
const context = {
  vault,
  pack: samplePack,
  deny: async () => {
    accepted = 'another'
    return async () => {
      accepted = 'secret'
    }
  },
  lose: async (at: string) => void store.delete(at),
  reopen: async () => httpVault(options()),
}
let failed = 0
for (const { name, needs, wants, run } of vaultCases) {
  if ((needs && !vault[needs]) || (wants && !context[wants])) continue
  try {
    await run(context)
  } catch (error) {
    failed++
    console.log(`not ok  ${name}\n        ${error instanceof Error ? error.message : error}`)
  }
}
console.log(`${vaultCases.length - failed} of ${vaultCases.length} conformance cases hold`)

// Then the use: the archive needs nothing else to keep a copy there.
store.clear()
const work = await mkdtemp(join(tmpdir(), 'perdure-example-'))
try {
  await using archive = await createArchive({ path: join(work, 'archive'), vaults: [vault, memory({ id: 'memory' })] })
  const receipt = await archive.put(new TextEncoder().encode('kept by a server of my own'), { name: 'note.txt' })
  console.log(`${receipt.state}: ${receipt.replicas.map(({ vault: where, verdict }) => `${where} ${verdict}`).join(', ')}`)
  process.exitCode = failed > 0 || receipt.state !== 'satisfied' ? 1 : 0
} finally {
  await rm(work, { recursive: true, force: true })
  server.close()
  server.closeAllConnections()
}
