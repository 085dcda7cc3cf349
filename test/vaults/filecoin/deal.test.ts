import { CID } from 'multiformats/cid'
import { toFunctionSelector } from 'viem'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds } from '../../../src/conformance/vault-context.ts'
import type { Journal, Pack } from '../../../src/contracts.ts'
import { VaultError } from '../../../src/errors.ts'
import { type FilecoinOptions, filecoin } from '../../../src/filecoin.ts'
import { startFilecoin } from '../../fakes/filecoin/house.ts'
import type { FakeProvider, FilecoinHouse } from '../../fakes/filecoin/types.ts'

/** More than one put asks of a provider. */
const MOST_CALLS = 20

interface Kept extends Journal {
  state: Uint8Array | undefined
}

function journalOf(state?: Uint8Array): Kept {
  const journal: Kept = {
    state,
    load: async () => journal.state,
    save: async (next) => {
      journal.state = next.slice()
    },
  }
  return journal
}

const failure = async (work: Promise<unknown>): Promise<VaultError> => {
  const error = await work.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}

const cidIn = (locator: string) => locator.split(':')[3] ?? ''
const setIn = (locator: string) => locator.split(':')[1] ?? ''

/** Hangs up at the n-th call to a provider, before it is made or once it was answered. Anything else passes. */
function hangingUp(provider: FakeProvider, call: number, when: 'before' | 'after') {
  const cut = { calls: 0, done: false }
  const through: typeof fetch = async (input, init) => {
    if (!String(input).startsWith(provider.url)) return fetch(input, init)
    const isIt = ++cut.calls === call
    if (isIt) cut.done = true
    if (isIt && when === 'before') throw new TypeError('hung up')
    const response = await fetch(input, init)
    if (!isIt) return response
    await response.body?.cancel()
    throw new TypeError('hung up')
  }
  return { cut, through }
}

describe('a put on storage providers', { timeout: 60_000 }, () => {
  let house: FilecoinHouse
  beforeAll(async () => {
    house = await startFilecoin({ providers: 1 })
    await house.settle()
  }, 60_000)
  afterAll(() => house.close())
  const touched: FakeProvider[] = []
  afterEach(() => {
    for (const { faults } of touched) for (const name of Object.keys(faults)) delete (faults as Record<string, unknown>)[name]
  })

  /** Of its own, without a data set. */
  const fresh = async (): Promise<FakeProvider> => {
    const provider = await house.addProvider()
    touched.push(provider)
    return provider
  }
  const vaultAt = (providers: readonly FakeProvider[], options: Partial<FilecoinOptions> = {}) => {
    const { rpc, chain, clientKey: key } = house
    const common = { maxLagMs: Number.MAX_SAFE_INTEGER, wait: async () => undefined, timeoutMs: 10_000 }
    return filecoin({ key, rpc, chain, ...common, providers: providers.map(({ id }) => id), ...options })
  }
  const additions = async (cid: string) => (await house.events('PieceAdded')).filter(({ args }) => shownCid(args.pieceCid) === cid)
  const setsAt = async ({ id }: FakeProvider) => (await house.events('DataSetCreated')).filter(({ args }) => args.providerId === id)
  const uploads = ({ log }: FakeProvider) => log.filter(({ method }) => method === 'PUT')
  const posts = ({ log }: FakeProvider) => log.filter(({ method, path }) => method === 'POST' && path.includes('data-sets'))

  it.each(['before', 'after'] as const)(
    'that creates a data set and is cut %s the effect of any one of its calls ends with one payment and one locator',
    { timeout: 180_000 },
    async (when) => {
      let failed = 0
      for (let call = 1; call <= MOST_CALLS; call++) {
        const provider = await fresh()
        const pack = await samplePack({ seed: `created ${when} ${call}` })
        const journal = journalOf()
        const { cut, through } = hangingUp(provider, call, when)
        const first = await vaultAt([provider], { fetch: through })
          .put(pack, { journal })
          .catch((error: unknown) => error)
        if (first instanceof Error) {
          expect(first).toMatchObject({ code: 'unreachable' })
          failed++
        }
        const vault = vaultAt([provider])
        const at = await vault.put(pack, { journal })
        if (typeof first === 'string') expect(at).toBe(first)
        expect(await vault.put(pack)).toBe(at)
        await assertHolds(vault, at, pack)
        expect(await additions(cidIn(at)), `call ${call}`).toHaveLength(1)
        expect(await setsAt(provider), `call ${call}`).toHaveLength(1)
        if (!cut.done) break
      }
      expect(failed).toBeGreaterThan(3)
    },
  )

  it('adds to the data set that is there, also when two packs come at once to a provider that has none', async () => {
    const provider = await fresh()
    const vault = vaultAt([provider])
    const packs = await Promise.all(['one', 'two', 'three'].map((seed) => samplePack({ seed })))
    const locators = await Promise.all(packs.map((pack) => vault.put(pack)))
    expect(new Set(locators.map(setIn)).size).toBe(1)
    expect(await setsAt(provider)).toHaveLength(1)
  })

  it.each(['before', 'after'] as const)('goes on when the provider dies %s it sent the transaction', async (dies) => {
    const provider = await fresh()
    provider.faults.diesMidCommit = dies
    const pack = await samplePack({ seed: `dies ${dies}` })
    const journal = journalOf()
    const put = () => vaultAt([provider]).put(pack, { journal })
    // Once it was sent, the chain shows it though nobody tells.
    const at = dies === 'before' ? await failure(put()).then(() => put()) : await put()
    expect(await additions(cidIn(at))).toHaveLength(1)
    expect(uploads(provider)).toHaveLength(1)
  })

  it('goes to the next provider when one has no space, and is exhausted when none has, with nothing signed', async () => {
    const [full, other] = [await fresh(), await fresh()]
    full.faults.outOfSpace = true
    const pack = await samplePack({ seed: 'full' })
    const journal = journalOf()
    expect(await failure(vaultAt([full]).put(pack, { journal }))).toMatchObject({ code: 'exhausted' })
    expect(journal.state).toBeUndefined()
    const at = await vaultAt([full, other]).put(pack, { journal })
    expect([...other.pieces.keys()]).toEqual([cidIn(at)])
  })

  it('gives a silent provider up in time', async () => {
    const provider = await fresh()
    provider.faults.silent = true
    const pack = await samplePack({ seed: 'silent' })
    expect(await failure(vaultAt([provider], { timeoutMs: 300 }).put(pack))).toMatchObject({ code: 'unreachable' })
  })

  it.each([
    [403, 'denied'],
    [503, 'unreachable'],
    [429, 'unreachable'],
  ] as const)('takes HTTP %s of the only provider as %s', async (status, code) => {
    const provider = await fresh()
    provider.faults.refuses = status
    expect(await failure(vaultAt([provider]).put(await samplePack({ seed: `refused ${status}` })))).toMatchObject({ code })
  })

  it('waits for a piece that does not show at once, and uploads it once', async () => {
    const provider = await fresh()
    const pack = await samplePack({ seed: 'late to show' })
    const journal = journalOf()
    provider.faults.pieceNotFoundFor = 5
    const at = await vaultAt([provider]).put(pack, { journal })
    expect(uploads(provider)).toHaveLength(1)
    expect(await additions(cidIn(at))).toHaveLength(1)
  })

  it('moves on with the same nonce when the provider that it was signed for is gone', async () => {
    const [gone, other] = [await fresh(), await fresh()]
    gone.faults.diesMidCommit = 'before'
    const pack = await samplePack({ seed: 'gone' })
    const journal = journalOf()
    await failure(vaultAt([gone]).put(pack, { journal }))
    const signed = stateOf(journal)
    await gone.leave()
    const at = await vaultAt([gone, other]).put(pack, { journal })
    expect(other.pieces.has(cidIn(at))).toBe(true)
    expect(await additions(cidIn(at))).toHaveLength(1)
    expect(stateOf(journal)).toMatchObject({ step: 'committed', nonce: signed.nonce, providerId: `${other.id}` })
  })

  it('signs for another provider so that what the first one has can never be committed beside it', async () => {
    const [first, second] = [await fresh(), await fresh()]
    first.faults.diesMidCommit = 'before'
    const orders: string[] = []
    const listening: typeof fetch = (input, init) => {
      if (String(input).startsWith(`${first.url}/pdp/data-sets`)) orders.push(String(init?.body))
      return fetch(input, init)
    }
    const pack = await samplePack({ seed: 'kept back' })
    const at = await vaultAt([first, second], { fetch: listening }).put(pack, { journal: journalOf() })
    expect(second.pieces.has(cidIn(at))).toBe(true)
    expect(orders).toHaveLength(1)
    const late = await fetch(`${first.url}/pdp/data-sets/create-and-add`, { method: 'POST', body: orders[0] ?? '' })
    expect(late.status).toBe(500)
    expect(await late.text()).toContain(toFunctionSelector('ClientDataSetAlreadyRegistered(uint256)'))
    expect(await additions(cidIn(at))).toHaveLength(1)
  })

  it('waits for a transaction that is pending, and posts it no second time', async () => {
    const provider = await fresh()
    const pack = await samplePack({ seed: 'pending' })
    const journal = journalOf()
    await house.automine(false)
    try {
      const early = await failure(vaultAt([provider], { commitTimeoutMs: 10_000 }).put(pack, { journal }))
      expect(early).toMatchObject({ code: 'unreachable' })
      expect(early.message).toContain('put again')
      expect(stateOf(journal)).toMatchObject({ step: 'posted', txHash: provider.transactions.at(-1) })
      let waits = 0
      const wait = async () => {
        if (++waits === 3) await house.mine(1)
      }
      const at = await vaultAt([provider], { wait }).put(pack, { journal })
      expect(waits).toBe(3)
      expect(posts(provider)).toHaveLength(1)
      expect(await additions(cidIn(at))).toHaveLength(1)
    } finally {
      await house.automine(true)
    }
  })

  it('posts the same signed bytes again after a reorganisation that dropped the commit', async () => {
    const provider = await fresh()
    const vault = vaultAt([provider])
    await vault.put(await samplePack({ seed: 'before the fork' }))
    const fork = await house.reorg()
    const pack = await samplePack({ seed: 'forked' })
    const journal = journalOf()
    const at = await vault.put(pack, { journal })
    const { extraData } = stateOf(journal)
    await fork.undo()
    expect(await vault.status(at)).toBe('absent')
    const again = await vaultAt([provider]).put(pack, { journal })
    expect(stateOf(journal).extraData).toBe(extraData)
    expect(await additions(cidIn(again))).toHaveLength(1)
    await assertHolds(vault, again, pack)
  })

  it('signs anew when the nonce is used up and what it brought was removed', async () => {
    const provider = await fresh()
    const vault = vaultAt([provider])
    const pack = await samplePack({ seed: 'used up' })
    const journal = journalOf()
    const at = await vault.put(pack, { journal })
    const { txHash: _, ...signed } = stateOf(journal)
    await vault.remove?.(at)
    await vault.remove?.(at)
    await provider.nextPeriod(BigInt(setIn(at)))
    expect(await vault.locate(pack.name)).toBeUndefined()
    const rewound = journalOf(Buffer.from(JSON.stringify({ ...signed, step: 'signed' })))
    const again = await vaultAt([provider]).put(pack, { journal: rewound })
    expect(again).not.toBe(at)
    expect(stateOf(rewound).nonce).not.toBe(signed.nonce)
    expect(await additions(cidIn(again))).toHaveLength(2)
    expect(await vault.locate(pack.name)).toBe(again)
  })

  it.each([
    ['of another chain', (state: object) => JSON.stringify({ ...state, chainId: 7 })],
    ['of a newer version', (state: object) => JSON.stringify({ ...state, version: 2 })],
    ['that is no JSON', () => '{'],
  ])('refuses a journal %s and pays nothing', async (_, spoilt) => {
    const provider = await fresh()
    provider.faults.diesMidCommit = 'before'
    const pack = await samplePack({ seed: 'spoilt' })
    const journal = journalOf()
    await failure(vaultAt([provider]).put(pack, { journal }))
    const asked = posts(provider).length
    const error = await failure(vaultAt([provider]).put(pack, { journal: journalOf(Buffer.from(spoilt(stateOf(journal)))) }))
    expect(error.code).toBe('invalid')
    expect(error.message).toContain('nothing was paid')
    expect(posts(provider)).toHaveLength(asked)
  })

  it('replaces what the provider lost at the same place, and pays nothing', async () => {
    const provider = await fresh()
    const vault = vaultAt([provider])
    const pack = await samplePack({ seed: 'lost' })
    const journal = journalOf()
    const at = await vault.put(pack, { journal })
    provider.lose(cidIn(at))
    expect(await vault.put(pack, { journal, replace: true })).toBe(at)
    expect(await additions(cidIn(at))).toHaveLength(1)
    await assertHolds(vault, at, pack)
  })

  it('replaces what is damaged at another provider, and lets the damaged piece go', async () => {
    const [bad, good] = [await fresh(), await fresh()]
    const pack = await samplePack({ seed: 'damaged' })
    const journal = journalOf()
    const at = await vaultAt([bad]).put(pack, { journal })
    bad.corrupt(cidIn(at))
    const vault = vaultAt([bad, good])
    const again = await vault.put(pack, { journal, replace: true })
    expect(setIn(again)).not.toBe(setIn(at))
    expect(await vault.status(at)).toBe('absent')
    expect(await vault.locate(pack.name)).toBe(again)
    await assertHolds(vault, again, pack)
    // Nothing was asked for since.
    expect(await vault.put(pack, { journal })).toBe(again)
    expect(await additions(cidIn(again))).toHaveLength(2)
  })

  it('pads a pack that is shorter than the shortest piece, and remembers its own length', async () => {
    const provider = await fresh()
    const { name, root, kind } = await samplePack({ seed: 'tiny' })
    const bytes = new Uint8Array(100).fill(7)
    const pack: Pack = {
      name,
      root,
      kind,
      byteLength: bytes.byteLength,
      spans: async () => [],
      open: async function* ({ offset = 0, length = bytes.byteLength } = {}) {
        yield bytes.subarray(offset, offset + length)
      },
    }
    const vault = vaultAt([provider])
    const at = await vault.put(pack)
    expect(at).toMatch(/:100$/)
    expect(provider.pieces.get(cidIn(at))).toEqual(Uint8Array.from({ length: 127 }, (_, place) => (place < 100 ? 7 : 0)))
    expect(await vault.locate(name)).toBe(at)
    expect((await Array.fromAsync(vault.list?.() ?? [])).find((listed) => listed.at === at)).toMatchObject({ byteLength: 100 })
  })
})

interface Shown {
  readonly step: string
  readonly nonce: string
  readonly extraData: string
  readonly providerId: string
  readonly txHash?: string
}

const stateOf = ({ state }: Kept): Shown => JSON.parse(Buffer.from(state ?? []).toString())

const shownCid = (struct: unknown): string => {
  const { data = '0x' } = (struct ?? {}) as { readonly data?: string }
  return CID.decode(Buffer.from(data.slice(2), 'hex')).toString()
}
