import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarReader } from '@ipld/car'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Pack } from '../../../src/contracts.ts'
import { addressOf, matches, RAW, toCID } from '../../../src/format/address.ts'
import { keyOf } from '../../fakes/pinning/blocks.ts'
import { losesBlocks } from '../../fakes/pinning/lies.ts'
import type { FakePinning } from '../../fakes/pinning/service.ts'
import { fakePinning, pinningHouse, pinsAt, vaultAt } from '../../fakes/pinning-house.ts'
import { bytesOf, noise } from '../../flow/house.ts'

const MIB = 1024 * 1024

interface Pushed {
  readonly url: string
  readonly authorization: string | undefined
  readonly length: number
}

/** Answers a push in place of taking it. */
type Reply = (request: IncomingMessage, response: ServerResponse) => void

interface Importer {
  readonly url: string
  readonly pushes: Pushed[]
  reply: Reply | undefined
  fake: FakePinning | undefined
}

/** Takes CARs as Kubo does, into the blocks of a fake service. */
async function importer(): Promise<Importer> {
  const pushes: Pushed[] = []
  const server = createServer(async (request, response) => {
    if (own.reply) return own.reply(request, response)
    const body = await bytesOf(request)
    pushes.push({ url: `${request.method} ${request.url}`, authorization: request.headers.authorization, length: body.byteLength })
    expect(Number(request.headers['content-length'])).toBe(body.byteLength)
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const file = (await new Response(new Uint8Array(body), { headers }).formData()).get('file')
    const car = await CarReader.fromBytes(new Uint8Array(await (file as File).arrayBuffer()))
    for await (const { cid, bytes } of car.blocks()) {
      expect(matches(toCID(`${cid}`), bytes)).toBe(true)
      own.fake?.blocks.set(keyOf(toCID(`${cid}`)), { cid: toCID(`${cid}`), bytes })
    }
    const [root] = await car.getRoots()
    response.end(`${JSON.stringify({ Root: { Cid: { '/': `${root}` }, PinErrorMsg: '' } })}\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  const own: Importer = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pushes, reply: undefined, fake: undefined }
  return own
}

/** One block, and a CAR of so many pieces that need not be one; counts those that were read. */
function packOf(pieces: number): { readonly pack: Pack; readonly read: () => number } {
  const bytes = noise(MIB)
  const root = addressOf(bytes, RAW)
  let read = 0
  const dag = async () => ({
    root,
    blockCount: 1,
    byteLength: pieces * MIB,
    async *car() {
      for (; read < pieces; ) {
        read++
        yield bytes
      }
    },
    has: async () => false,
    block: async () => undefined,
  })
  return {
    pack: { name: root, kind: 'content', root, byteLength: MIB, open: async function* () {}, spans: async () => [], dag },
    read: () => read,
  }
}

const answers =
  (status: number, ...lines: readonly unknown[]): Reply =>
  (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(lines.map((line) => `${JSON.stringify(line)}\n`).join('')))
  }

describe('a service that takes CARs', () => {
  it('gets the whole DAG of several packs as one, with its length, and is asked for the pin after it', async () => {
    const push = await importer()
    const { archive, fake, pins } = await pinningHouse(
      {},
      { pushUrl: `${push.url}/`, node: () => Promise.reject(new Error('no node is needed')) },
    )
    push.fake = fake
    const said: number[] = []
    const content = noise(3 * MIB)
    const receipt = await archive.put(content, {
      onProgress: (event) => void (event.type === 'bytes-sent' && event.vault === 'ipfs' && said.push(event.byteLength)),
    })
    expect(receipt.state).toBe('satisfied')
    expect(push.pushes).toMatchObject([{ url: 'POST /api/v0/dag/import?pin-roots=true', authorization: `Bearer ${fake.token}` }])
    const sent = said.reduce((sum, each) => sum + each, 0)
    expect(sent).toBeGreaterThan(content.byteLength)
    expect(push.pushes[0]?.length).toBeGreaterThan(sent)
    expect(fake.pulled).toEqual([])
    expect(await pins()).toMatchObject([{ status: 'pinned', pin: { cid: receipt.root } }])
    await archive.put(content)
    expect(push.pushes).toHaveLength(1)
  })

  it('gets it again to mend what it lost, under the pin that it has', async () => {
    const push = await importer()
    const { archive, fake, pins } = await pinningHouse({}, { pushUrl: push.url })
    push.fake = fake
    const { root } = await archive.put(noise(3 * MIB))
    const before = await pins()
    for (const key of [...fake.blocks.keys()].slice(0, 2)) fake.blocks.delete(key)
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(push.pushes).toHaveLength(2)
    expect(await pins()).toEqual(before)
  })

  it('and loses a block of it is found out by the put', async () => {
    const push = await importer()
    const { archive, fake } = await pinningHouse(losesBlocks(1), { pushUrl: push.url })
    push.fake = fake
    const { replicas } = await archive.put(noise(5 * MIB), { profile: 'unixfs-v0-2015' })
    expect(replicas.filter(({ vault }) => vault === 'ipfs')).toMatchObject([{ verdict: 'damaged', counts: false }])
  })
})

describe('a push', () => {
  const pushing = async (reply: Reply, pieces = 1) => {
    const push = await importer()
    push.reply = reply
    const fake = await fakePinning()
    const { pack, read } = packOf(pieces)
    return { put: vaultAt(fake, { pushUrl: push.url }).put(pack), fake, root: `${pack.root}`, read }
  }
  const pinned = (cid: string, PinErrorMsg = '') => ({ Root: { Cid: { '/': cid }, PinErrorMsg } })

  it('whose root could not be pinned fails with what was said, and leaves no request', async () => {
    const { root } = await pushing(answers(200)).then(async (first) => {
      await expect(first.put).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('names no such root') })
      return first
    })
    const { put, fake } = await pushing(answers(200, pinned(root, 'block was not found locally')))
    await expect(put).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('block was not found locally') })
    expect(await pinsAt(fake)).toEqual([])
  })

  it('fails for an error after the 200, and for another root', async () => {
    const broken = await pushing(answers(200, { Message: 'unexpected EOF', Code: 0, Type: 'error' }))
    await expect(broken.put).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('unexpected EOF') })
    const other = await pushing(answers(200, pinned(`${addressOf(noise(5), RAW)}`)))
    await expect(other.put).rejects.toMatchObject({ code: 'unsupported' })
  })

  it.each([
    [401, 'denied'],
    [402, 'exhausted'],
    [404, 'unsupported'],
    [503, 'unreachable'],
  ])('that is refused with %i is %s', async (status, code) => {
    const { put } = await pushing(answers(status, { error: { reason: 'NO', details: 'not today, fake-pinning-token' } }))
    await expect(put).rejects.toMatchObject({ code })
    await expect(put).rejects.toThrow(/^(?!.*fake-pinning-token)/s)
  })

  it('goes to no other host', async () => {
    const { put } = await pushing((request, response) => {
      request.resume().on('end', () => response.writeHead(307, { location: 'https://elsewhere.example/' }).end())
    })
    await expect(put).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('set pushUrl') })
  })

  it('is read no further than it is sent', async () => {
    const { put, read } = await pushing((_, response) => void response.writeHead(507).end(), 300)
    await expect(put).rejects.toBeInstanceOf(Error)
    expect(read()).toBeLessThan(100)
  })

  it('fails with the reason for which the CAR could not be read', async () => {
    const push = await importer()
    push.reply = (request) => void request.resume()
    const fake = await fakePinning()
    const { pack } = packOf(2)
    const gone = new Error('the disk is gone')
    const dag = async () => {
      const whole = await pack.dag?.()
      if (!whole) throw gone
      return {
        ...whole,
        async *car() {
          yield noise(MIB)
          throw gone
        },
      }
    }
    await expect(vaultAt(fake, { pushUrl: push.url }).put({ ...pack, dag })).rejects.toBe(gone)
  })

  it('ends with the signal’s reason', async () => {
    const push = await importer()
    const stop = new AbortController()
    push.reply = () => stop.abort(new Error('enough'))
    const fake = await fakePinning()
    await expect(vaultAt(fake, { pushUrl: push.url }).put(packOf(300).pack, { signal: stop.signal })).rejects.toThrow('enough')
  })
})
