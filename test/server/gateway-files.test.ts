import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { contentOf, fleet, noise } from '../flow/house.ts'
import { front, wideTree } from './gateway-house.ts'

const MIB = 1024 * 1024

async function serving() {
  const { archive, members } = await fleet(['a', 'b'])
  return { archive, members, gate: await front(archive) }
}

describe('a block', () => {
  it('comes with everything that the specification asks of it, and without a body for HEAD', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(Buffer.from('a block'))
    const got = await gate.ask(`/ipfs/${root}?format=raw`)
    expect([got.status, `${got.body}`]).toEqual([200, 'a block'])
    expect(got.headers).toMatchObject({
      'content-type': 'application/vnd.ipld.raw',
      'content-length': '7',
      'content-disposition': `attachment; filename="${root}.bin"; filename*=UTF-8''${root}.bin`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=29030400, immutable',
      etag: `"${root}.raw"`,
    })
    const head = await gate.ask(`/ipfs/${root}?format=raw`, { method: 'HEAD' })
    expect({ ...head, headers: { ...head.headers, date: '' } }).toEqual({
      ...got,
      body: Buffer.alloc(0),
      headers: { ...got.headers, date: '' },
    })
    const accepted = await gate.ask(`/ipfs/${root}`, { headers: { accept: 'application/vnd.ipld.raw' } })
    expect([accepted.headers['content-type'], accepted.headers['content-location']]).toEqual([
      'application/vnd.ipld.raw',
      `/ipfs/${root}?format=raw`,
    ])
    expect((await gate.ask(`/ipfs/${root}?format=raw`, { headers: { 'if-none-match': `"${root}.raw"` } })).status).toBe(304)
  })

  it('is empty for the CID that gateways are probed with', async () => {
    const { gate } = await serving()
    const raw = await gate.ask('/ipfs/bafkqaaa?format=raw')
    expect([raw.status, raw.body.byteLength]).toEqual([200, 0])
    expect((await gate.ask('/ipfs/bafkqaaa?format=car')).status).toBe(200)
  })
})

describe('a file', () => {
  it.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)('of %s comes whole or as a range', async (profile) => {
    const { archive, gate } = await serving()
    const content = noise(2 * MIB + 345, profile)
    const { root } = await archive.put(content, { profile, name: 'film.mp4' })
    const whole = await gate.ask(`/ipfs/${root}`)
    expect([whole.status, whole.body.equals(content), whole.headers['content-type'], whole.headers.etag]).toEqual([
      200,
      true,
      'video/mp4',
      `"${root}"`,
    ])
    const ranged = (range: string, headers = {}) => gate.ask(`/ipfs/${root}`, { headers: { range, ...headers } })
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      [`bytes=${MIB - 1}-${MIB}`, MIB - 1, MIB + 1],
      ['bytes=-5', content.length - 5, content.length],
      [`bytes=${MIB}-`, MIB, content.length],
      ['bytes=5-99999999', 5, content.length],
    ] as const) {
      const got = await ranged(range)
      expect([range, got.status, got.headers['content-range'], got.headers['content-length']]).toEqual([
        range,
        206,
        `bytes ${from}-${to - 1}/${content.length}`,
        `${to - from}`,
      ])
      expect(got.body.equals(content.subarray(from, to))).toBe(true)
    }
    const behind = await ranged(`bytes=${content.length}-`)
    expect([behind.status, behind.headers['content-range']]).toEqual([416, `bytes */${content.length}`])
    expect((await ranged('bytes=0-1,4-5')).status).toBe(200)
    expect((await ranged('bytes=0-1', { 'if-range': '"another"' })).status).toBe(200)
    expect((await ranged('bytes=0-1', { 'if-range': `"${root}"` })).status).toBe(206)
    expect((await ranged('bytes=0-1', { 'if-none-match': `W/"${root}"` })).status).toBe(304)
  })

  it('has the media type it was put with, and a name that cannot end a header', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(Buffer.from('<p>'), { name: 'page.html', mediaType: 'text/x-own' })
    expect((await gate.ask(`/ipfs/${root}`)).headers['content-type']).toBe('text/x-own')
    const named = await gate.ask(`/ipfs/${root}?download=true&filename=${encodeURIComponent('a"b\r\n/ü.txt')}`)
    expect(named.headers['content-disposition']).toBe(`attachment; filename="a_b____.txt"; filename*=UTF-8''a%22b___%C3%BC.txt`)
  })
})

describe('a directory', () => {
  const tree = [
    { path: 'site/index.html', content: Buffer.from('<h1>site</h1>') },
    { path: '<b>&"\'.txt', content: Buffer.from('odd') },
    { path: 'javascript:alert(1)', content: Buffer.from('x') },
    { path: 'link', target: 'site/index.html' },
  ]

  it('is its index.html, confined, under an address that ends in a slash', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(tree)
    const moved = await gate.ask(`/ipfs/${root}/site?x=1`)
    expect([moved.status, moved.headers.location]).toEqual([301, `/ipfs/${root}/site/?x=1`])
    const page = await gate.ask(`/ipfs/${root}/site/`)
    expect([page.status, `${page.body}`]).toEqual([200, '<h1>site</h1>'])
    expect(page.headers).toMatchObject({ 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' })
  })

  it('is listed, and no name in it becomes markup or a scheme', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(tree)
    const { status, body, headers } = await gate.ask(`/ipfs/${root}/`)
    expect([status, headers['content-security-policy']]).toEqual([200, "default-src 'none'; sandbox"])
    expect(`${body}`).not.toContain('<b>')
    expect(`${body}`).not.toContain('href="javascript')
    const [, odd = ''] = /href="\.\/(%3Cb[^"]+)"/.exec(`${body}`) ?? []
    expect(`${(await gate.ask(`/ipfs/${root}/${odd.replaceAll('&#39;', "'")}`)).body}`).toBe('odd')
    expect((await gate.ask(`/ipfs/${root}/`, { headers: { 'if-none-match': String(headers.etag) } })).status).toBe(304)
    const link = await gate.ask(`/ipfs/${root}/link`)
    expect([link.headers['content-type'], `${link.body}`]).toEqual(['inode/symlink', 'site/index.html'])
  })

  it('may be sharded', async () => {
    const { archive, gate } = await serving()
    const wide = wideTree()
    const { root } = await archive.put(wide)
    const { body } = await gate.ask(`/ipfs/${root}/`)
    expect(`${body}`.match(/<li>/g)).toHaveLength(wide.length)
    expect((await gate.ask(`/ipfs/${root}/${wide[17]?.path}`)).body).toEqual(wide[17]?.content)
    expect((await gate.ask(`/ipfs/${root}/nobody`)).status).toBe(404)
  })
})

describe('the gateway', () => {
  it('refuses what it does not do', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(Buffer.from('x'))
    const status = async (path: string, options = {}) => (await gate.ask(path, options)).status
    expect(await status('/')).toBe(404)
    expect(await status('/ipns/example.org')).toBe(501)
    for (const path of ['/ipfs/', '/ipfs/nonsense', `/ipfs/${root}/../x`, `/ipfs/${root}/%2e%2e/x`, `/ipfs/${root}/a%2fb`])
      expect([path, await status(path)]).toEqual([path, 400])
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect(await status(`/ipfs/${root}`, { method })).toBe(405)
    for (const host of ['evil.example', '127.0.0.1.evil.example', '8.8.8.8'])
      expect(await status(`/ipfs/${root}`, { headers: { host } })).toBe(403)
    for (const host of ['localhost:1', '127.0.0.1', '[::1]']) expect(await status(`/ipfs/${root}`, { headers: { host } })).toBe(200)
  })

  it.each(['0.0.0.0', '::', '192.168.1.1', 'example.org'])('does not listen on %s', async (host) => {
    const { archive } = await fleet(['a', 'b'])
    await expect(front(archive, { host })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('answers so many at a time, and tells the rest to come again', async () => {
    const { archive, members } = await fleet(['a', 'b'], { timeoutMs: 60_000 })
    const gate = await front(archive, { maxRequests: 1 })
    const { root } = await archive.put(noise(MIB, 'busy'))
    for (const { faults } of [members.a, members.b]) faults.hang = 'all'
    const hanging = connect(Number(new URL(gate.server.url).port), '127.0.0.1')
    const before = members.a.faults.calls.read ?? 0
    hanging.write(`GET /ipfs/${root}?format=raw HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    await vi.waitFor(() => expect((members.a.faults.calls.read ?? 0) + (members.b.faults.calls.read ?? 0)).toBeGreaterThan(before))
    const refused = await gate.ask(`/ipfs/${root}?format=raw`)
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    // The reads of a client that leaves end with it, though the vault is silent still.
    hanging.destroy()
    await vi.waitFor(async () => expect((await gate.ask('/ipfs/bafkqaaa?format=raw')).status).toBe(200))
  })

  it('reads no further than a client does that stops in the middle', async () => {
    const { archive, members, gate } = await serving()
    const { root } = await archive.put(noise(96 * MIB, 'long'))
    const read = () => members.a.faults.bytesRead + members.b.faults.bytesRead
    const before = read()
    const client = connect(Number(new URL(gate.server.url).port), '127.0.0.1')
    client.write(`GET /ipfs/${root}?format=car HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    await new Promise((resolve) => client.once('data', resolve))
    client.pause()
    client.destroy()
    await vi.waitFor(() => expect(gate.answered).toMatchObject([{ cut: true, status: 200 }]))
    expect(read() - before).toBeLessThan(72 * MIB)
    expect(contentOf(members.a).length).toBeGreaterThan(0)
  })
})
