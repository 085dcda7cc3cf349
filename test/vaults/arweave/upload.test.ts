import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { DEEP, idOf, pack, placed, readAll } from './on-fake.ts'

describe('an upload to Arweave', () => {
  it('is one transaction, settles as it is mined, and comes back whole', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const charges: unknown[] = []
    const at = await vault.put(sample, { journal, onCharge: (charge) => charges.push(charge) })
    expect(chain.payments).toHaveLength(1)
    expect(charges).toEqual([{ amount: expect.stringMatching(/^0\.\d+$/), currency: 'AR', detail: `transaction ${idOf(at)}` }])
    expect(await vault.status(at)).toBe('settling')
    chain.mine(9)
    expect(await vault.status(at)).toBe('settling')
    chain.mine(1)
    expect(await vault.status(at)).toBe('held')
    const whole = { cid: sample.root, offset: 0, length: sample.byteLength }
    for (const audit of [false, true]) expect((await readAll(vault, at, whole, { audit })).equals(sample.bytes)).toBe(true)
    expect(await vault.locate(sample.name)).toBe(at)
    const listed = []
    for await (const { name, ...one } of vault.list?.() ?? []) listed.push({ name: name.toString(), ...one })
    expect(listed).toEqual([{ name: sample.name.toString(), kind: 'content', at, byteLength: sample.byteLength }])
  })

  it('shows what it costs beforehand, and never the key', async () => {
    const { chain, vault, key, restart } = await placed()
    expect(await vault.quote?.(300_000)).toEqual({ amount: expect.stringMatching(/^0\.\d+$/), currency: 'AR', per: 'once' })
    const poor = restart({ gateways: ['http://127.0.0.1:9'] })
    const error = await poor.put(await pack()).catch((thrown: unknown) => thrown)
    const shown = inspect([vault, error], { depth: 20, showHidden: true })
    for (const secret of [key.jwk.d, key.jwk.p, key.jwk.q]) expect(shown).not.toContain(secret)
    expect(chain.payments).toHaveLength(0)
  })

  it.each([...Array(26).keys()].flatMap((n) => [[n + 1, false] as const, [n + 1, true] as const]))(
    'that is cut off at request %i (%s) and started again pays exactly once',
    async (request, handled) => {
      const { chain, nodes, journal, restart } = await placed({ nodes: [{}] })
      const sample = await pack({ blocks: 9 })
      const [node] = nodes
      if (!node) throw new RangeError('there is no node')
      node.behaviour.failFrom = handled ? { request, handled } : request
      const first = await restart()
        .put(sample, { journal })
        .then(
          () => true,
          () => false,
        )
      const isCut = node.requests.some(({ status }) => status === undefined)
      expect(first).toBe(!isCut)
      node.behaviour.failFrom = undefined
      const vault = restart()
      const at = await vault.put(sample, { journal })
      expect(chain.payments).toHaveLength(1)
      chain.mine(DEEP)
      expect(
        (await readAll(vault, at, { cid: sample.root, offset: 0, length: sample.byteLength }, { audit: true })).equals(sample.bytes),
      ).toBe(true)
    },
  )

  it('whose answer was lost is posted again as it is', async () => {
    const { chain, nodes, vault, journal, restart } = await placed({ nodes: [{}] })
    const sample = await pack()
    if (nodes[0]) nodes[0].behaviour.failOnce = { method: 'POST', path: /^\/tx$/, when: 'after' }
    await expect(vault.put(sample, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    expect(chain.payments).toHaveLength(1)
    if (nodes[0]) nodes[0].behaviour.forgetsSeen = true
    const at = await restart().put(sample, { journal })
    expect(chain.payments.map(({ id }) => id)).toEqual([idOf(at)])
  })

  it('goes on where its chunks had come to', async () => {
    const { nodes, vault, journal, restart } = await placed({ nodes: [{}] })
    const sample = await pack({ blocks: 20 })
    const [node] = nodes
    if (!node) throw new RangeError('there is no node')
    const posted = () => node.requests.filter(({ path, method, status }) => path === '/chunk' && method === 'POST' && status === 200).length
    // One chunk at a time, so that what came before the cut is known.
    const slow = restart({ chunksInFlight: 1 })
    let left = 3
    const interrupt = new AbortController()
    await expect(
      slow.put(sample, {
        journal,
        signal: interrupt.signal,
        onProgress: () => {
          if (--left === 0) interrupt.abort(new DOMException('killed', 'AbortError'))
        },
      }),
    ).rejects.toThrow('killed')
    const before = posted()
    await vault.put(sample, { journal })
    expect(before).toBeGreaterThanOrEqual(3)
    expect(posted() - before).toBe(Math.ceil(sample.byteLength / (256 * 1024)) - 3)
  })
})

describe('money on Arweave', () => {
  it('is not spent when the wallet has too little, and what is missing is named', async () => {
    const { chain, nodes, vault } = await placed({ winston: 1_000n })
    const error: unknown = await vault.put(await pack()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'exhausted', message: expect.stringMatching(/has 0\.000000001 AR.*send it 0\.\d+ AR more/) })
    expect(chain.payments).toHaveLength(0)
    expect(nodes.flatMap(({ requests }) => requests).filter(({ method, path }) => method === 'POST' && path === '/tx')).toEqual([])
  })

  it('is not spent above maxPrice', async () => {
    const { chain, vault } = await placed({ maxPrice: '0.0000001' })
    await expect(vault.put(await pack())).rejects.toMatchObject({ code: 'exhausted', message: expect.stringContaining('maxPrice') })
    expect(chain.payments).toHaveLength(0)
  })

  it('is not moved by one gateway that lies about the price', async () => {
    const { chain, vault, nodes } = await placed({ nodes: [{ wrongPrice: '1' }, {}, {}] })
    await vault.put(await pack())
    expect(chain.payments).toHaveLength(1)
    if (nodes[0]) nodes[0].behaviour.wrongPrice = `${10n ** 20n}`
    await vault.put(await pack({ seed: 'other' }))
    expect(chain.payments).toHaveLength(2)
  })

  it('that doubles between quote and sending strands nothing and is never paid twice', async () => {
    const { chain, journal, restart } = await placed()
    const sample = await pack()
    let isFirst = true
    const doubling: typeof fetch = async (input, init) => {
      if (init?.method === 'POST' && `${input}`.endsWith('/tx') && isFirst) chain.multiplier = 2
      return fetch(input, init)
    }
    await expect(restart({ fetch: doubling }).put(sample, { journal })).rejects.toMatchObject({
      code: 'exhausted',
      message: expect.stringContaining('the price has risen'),
    })
    isFirst = false
    expect(chain.payments).toHaveLength(0)
    // Still within the life of what was signed: it may yet be taken, so nothing else is signed.
    await expect(restart().put(sample, { journal })).rejects.toMatchObject({ code: 'exhausted' })
    expect(chain.payments).toHaveLength(0)
    chain.mine(70)
    const at = await restart().put(sample, { journal })
    expect(chain.payments.map(({ id }) => id)).toEqual([idOf(at)])
  })

  it('that falls again is offered by the transaction that was signed first', async () => {
    const { chain, journal, restart } = await placed()
    const sample = await pack()
    const doubling: typeof fetch = async (input, init) => {
      if (init?.method === 'POST' && `${input}`.endsWith('/tx')) chain.multiplier = 2
      return fetch(input, init)
    }
    await expect(restart({ fetch: doubling }).put(sample, { journal })).rejects.toMatchObject({ code: 'exhausted' })
    const signed = JSON.parse(Buffer.from(journal.state() ?? []).toString()) as { transaction: { id: string } }
    chain.multiplier = 1
    const at = await restart().put(sample, { journal })
    expect(idOf(at)).toBe(signed.transaction.id)
    expect(chain.payments).toHaveLength(1)
  })
})

describe('what the chain forgets', () => {
  it('a transaction that left the mempool is posted again, the same one', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.drop(idOf(at))
    expect(await vault.status(at)).toBe('absent')
    expect(await vault.put(sample, { journal, replace: true })).toBe(at)
    expect(new Set(chain.payments.map(({ id }) => id))).toEqual(new Set([idOf(at)]))
    chain.mine(DEEP)
    expect(await vault.status(at)).toBe('held')
  })

  it('one that was orphaned after 12 confirmations is no longer held, and comes back', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    expect(await vault.status(at)).toBe('held')
    chain.orphan(idOf(at))
    expect(await vault.status(at)).toBe('settling')
    chain.drop(idOf(at))
    expect(await vault.status(at)).toBe('absent')
    expect(await vault.put(sample, { journal, replace: true })).toBe(at)
    chain.mine(DEEP)
    expect(await vault.status(at)).toBe('held')
  })

  it('one that can be mined no more is signed anew, once it is nowhere', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.drop(idOf(at))
    chain.mine(70)
    const next = await vault.put(sample, { journal, replace: true })
    expect(next).not.toBe(at)
    chain.mine(DEEP)
    expect(await vault.status(next)).toBe('held')
    expect(await vault.status(at)).toBe('absent')
  })

  it('a clock that is off by a day changes nothing', async () => {
    const { chain, restart, journal } = await placed()
    const sample = await pack()
    chain.clockOffsetMs = 86_400_000
    const vault = restart({ clock: () => Date.now() - 86_400_000 })
    const at = await vault.put(sample, { journal })
    chain.mine(70)
    expect(await vault.status(at)).toBe('held')
    expect(await vault.put(sample, { journal })).toBe(at)
    expect(chain.payments).toHaveLength(1)
  })
})

describe('an upload that nobody remembers', () => {
  it('is found in the chain by its signature and finished without another payment', async () => {
    const { chain, vault, restart } = await placed()
    const sample = await pack()
    const at = await vault.put(sample)
    chain.mine(DEEP)
    chain.unseed(idOf(at), 2)
    expect(await restart().locate(sample.name)).toBeUndefined()
    expect(await restart().put(sample)).toBe(at)
    expect(await restart().locate(sample.name)).toBe(at)
    expect(chain.payments).toHaveLength(1)
  })

  it('is waited for while it is not mined', async () => {
    const { chain, vault, restart } = await placed()
    const sample = await pack()
    await vault.put(sample)
    await expect(restart().put(sample)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('paid for twice') })
    expect(chain.payments).toHaveLength(1)
  })

  it('is not paid for again while no index answers', async () => {
    const { chain, nodes, restart } = await placed()
    for (const { behaviour } of nodes) behaviour.rateLimited = true
    await expect(restart().put(await pack())).rejects.toMatchObject({ code: 'unreachable' })
    await expect(restart().locate((await pack()).name)).rejects.toMatchObject({ code: 'unreachable' })
    expect(chain.payments).toHaveLength(0)
  })
})
