import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { pieceHasher } from '../../../src/format/commp.ts'
import { metadataFor, packIn, payloadLength } from '../../../src/vaults/filecoin/metadata.ts'
import { type ProviderApi, providerApi } from '../../../src/vaults/filecoin/provider.ts'

const { v2: cid } = pieceHasher().update(new Uint8Array(200)).digest()

async function answering(listener: RequestListener, timeoutMs = 5_000): Promise<ProviderApi> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return providerApi('deals', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { timeoutMs, fetch })
}

const failure = async (work: Promise<unknown>): Promise<VaultError> => {
  const error = await work.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}

async function* zeros(count: number, each = 64 * 1024) {
  for (let at = 0; at < count; at++) yield new Uint8Array(each)
}

describe('a question to a storage provider', () => {
  it.each([
    [401, 'denied'],
    [403, 'denied'],
    [402, 'exhausted'],
    [507, 'exhausted'],
    [429, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable'],
    [400, 'invalid'],
    [302, 'unreachable'],
  ] as const)('takes HTTP %s as %s, and never as absence', async (status, code) => {
    const api = await answering((_, response) => response.writeHead(status, { location: '/pdp/ping', 'retry-after': '7' }).end('no'))
    const error = await failure(api.findPiece(cid))
    expect(error.code).toBe(code)
    expect(error.retryAfterMs).toBe(status === 429 || status >= 500 ? (status === 507 ? undefined : 7_000) : undefined)
  })

  it('takes 404 of a piece as absence, and of nothing else', async () => {
    const api = await answering((_, response) => response.writeHead(404).end())
    expect(await api.findPiece(cid)).toBe(false)
    expect(await failure(api.ping())).toMatchObject({ code: 'invalid' })
    expect(await failure(api.add({ dataSetId: 1n, cid, extraData: '0x01' }))).toMatchObject({ code: 'invalid' })
  })

  it.each([200, 404])('believes no page, also under %s', async (status) => {
    const api = await answering((_, response) => response.writeHead(status, { 'content-type': 'text/html' }).end('<p>hello'))
    expect(await failure(api.findPiece(cid))).toMatchObject({ code: 'unreachable' })
    expect(await failure(api.ping())).toMatchObject({ code: 'unreachable' })
  })

  it('reads no answer without end', async () => {
    const api = await answering((_, response) => {
      response.writeHead(200)
      const more = () => response.write(new Uint8Array(64 * 1024), (error) => error || more())
      more()
    })
    expect(await failure(api.findPiece(cid))).toMatchObject({ code: 'unreachable' })
  })

  it('gives up when nothing moves, and at once with the signal', async () => {
    const api = await answering(() => undefined, 100)
    const error = await failure(api.ping())
    expect(error.code).toBe('unreachable')
    expect(error.message).toContain('did not move for 100 ms')
    const patient = await answering(() => undefined)
    await expect(patient.ping({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('sends a piece under its length, and no further than the provider takes it', async () => {
    let drawn = 0
    let length: string | undefined
    let took: () => void = () => undefined
    const began = new Promise<void>((resolve) => (took = resolve))
    const api = await answering((request, response) => {
      if (request.method === 'POST') return response.writeHead(201, { location: '/pdp/piece/uploads/00-ff' }).end()
      length = request.headers['content-length']
      // Reads nothing.
      return took()
    })
    async function* body() {
      for await (const chunk of zeros(1024)) {
        drawn += chunk.byteLength
        yield chunk
      }
    }
    const stop = new AbortController()
    const upload = api.upload(body(), { byteLength: 1024 * 64 * 1024, cid, signal: stop.signal })
    await began
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(length).toBe(`${1024 * 64 * 1024}`)
    expect(drawn).toBeLessThan(32 * 1024 * 1024)
    stop.abort(new Error('enough'))
    await expect(upload).rejects.toThrow('enough')
  })

  it('passes on what the body itself throws', async () => {
    const api = await answering((request, response) => {
      request.resume()
      if (request.method === 'POST') response.writeHead(201, { location: '/pdp/piece/uploads/00-ff' }).end()
    })
    async function* body() {
      yield new Uint8Array(10)
      throw new VaultError('damaged', 'deals', 'the pack is short')
    }
    expect(await failure(api.upload(body(), { byteLength: 200, cid }))).toMatchObject({ code: 'damaged' })
  })

  it('uploads to no other place than the provider itself', async () => {
    const asked: string[] = []
    const api = await answering((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      request.resume().on('end', () => {
        const status = request.method === 'PUT' ? 204 : asked.length === 1 ? 201 : 200
        response.writeHead(status, { location: 'http://192.0.2.1/pdp/piece/uploads/00-ff' }).end()
      })
    })
    await api.upload(zeros(1, 200), { byteLength: 200, cid })
    expect(asked).toEqual(['POST /pdp/piece/uploads', 'PUT /pdp/piece/uploads/00-ff', 'POST /pdp/piece/uploads/00-ff'])
  })

  it('wants the hash of a transaction for a commit', async () => {
    const api = await answering((_, response) => response.writeHead(201, { location: '/pdp/data-sets/created/soon' }).end())
    expect(await failure(api.createAndAdd({ recordKeeper: '0x01', cid, extraData: '0x01' }))).toMatchObject({ code: 'unreachable' })
  })

  it.each(['file:///etc/passwd', 'https://user:secret@p.example', 'nowhere'])(
    'refuses the address %s and shows no password',
    async (url) => {
      const error = await failure((async () => providerApi('deals', url, { timeoutMs: 1, fetch }))())
      expect(error.code).toBe('invalid')
      expect(error.message).not.toContain('secret')
    },
  )
})

describe('what a piece says of itself', () => {
  const name = CID.parse('bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')

  it.each([1, 126, 127, 128, 254, 255, 1016, 100_000, 1_048_576])('tells a length of %s by its piece CID', (byteLength) => {
    expect(payloadLength(pieceHasher().update(new Uint8Array(byteLength)).digest().v2)).toBe(byteLength)
  })

  it('is read as it was written, also of a pack that was padded', () => {
    for (const byteLength of [100, 200]) {
      const piece = pieceHasher()
        .update(new Uint8Array(Math.max(127, byteLength)))
        .digest().v2
      const pack = { name, kind: 'index' as const, byteLength }
      expect(packIn(metadataFor(pack), piece)).toEqual(pack)
    }
    expect(packIn({}, cid)).toBeUndefined()
    expect(packIn({ perdurePack: 'x', perdureKind: 'index' }, cid)).toBeUndefined()
    expect(packIn(metadataFor({ name, kind: 'index', byteLength: 200 }), name)).toBeUndefined()
  })
})
