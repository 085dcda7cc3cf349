import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import type { Attestation, Standing } from '../../../src/contracts.ts'
import type { FilecoinDeal } from '../../../src/vaults/filecoin-deal.ts'
import type { FakeSector } from '../../fakes/lotus.ts'
import { CLAIM, DEAL, inDays, onChain, PROVIDER, SECTOR, type Watched, watched } from './on-fake.ts'

const SEED = new Uint8Array(32)

type Kind = 'claim' | 'deal'

async function judged(place: Watched, kind: Kind, more: Partial<FilecoinDeal> = {}) {
  const vault = place.vaultOf({ deals: [{ ...place.listed[kind], ...more }] })
  const at = (await vault.locate(place.pack.name)) ?? ''
  const proof = await vault.attest?.(at, { name: place.pack.name, seed: SEED })
  return { vault, at, proof, standing: await vault.status(at) }
}

const make = (place: Watched, change: Partial<FakeSector>) => void Object.assign(sectorOf(place), change)

const sectorOf = ({ lotus }: Watched) => {
  const sector = lotus.sectors.get(`${PROVIDER}/${SECTOR}`)
  if (!sector) throw new Error('no sector')
  return sector
}

interface Case {
  readonly what: string
  readonly make: (place: Watched) => void
  readonly verdict: Attestation['verdict']
  readonly standing: Standing
  readonly detail: RegExp
  readonly only?: Kind
}

const OTHER = 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'

const CASES: readonly Case[] = [
  {
    what: 'sound',
    make: () => undefined,
    verdict: 'proven',
    standing: 'held',
    detail: /piece and size are ours, sector 7 of f01234 is active/,
  },
  {
    what: 'in a faulty sector',
    make: (place) => make(place, { state: 'faulty' }),
    verdict: 'unproven',
    standing: 'held',
    detail: /sector 7 of f01234 is faulty/,
  },
  {
    what: 'in a recovering sector',
    make: (place) => make(place, { state: 'recovering' }),
    verdict: 'unproven',
    standing: 'held',
    detail: /says that it recovers/,
  },
  {
    what: 'in a sector that was never proven yet',
    make: (place) => make(place, { state: 'new' }),
    verdict: 'unproven',
    standing: 'settling',
    detail: /not proven for the first time/,
  },
  {
    what: 'in a terminated sector, which the node still knows',
    make: (place) => make(place, { state: 'terminated' }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /was terminated/,
  },
  {
    what: 'without its sector',
    make: ({ lotus }) => lotus.sectors.clear(),
    verdict: 'refuted',
    standing: 'absent',
    detail: /no sector 7 any more/,
  },
  {
    what: 'in a sector that expired',
    make: (place) => make(place, { expiration: place.lotus.epoch }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /sector 7 of f01234 expired/,
  },
  {
    what: 'in a sector that ends within the horizon',
    make: (place) => make(place, { expiration: inDays(place.lotus, 12) + 10 }),
    verdict: 'unproven',
    standing: 'held',
    detail: /ends in 12 days, on \d{4}-\d\d-\d\d/,
  },
  {
    what: 'unknown to the chain',
    make: ({ lotus }) => {
      lotus.claims.clear()
      lotus.deals.clear()
    },
    verdict: 'refuted',
    standing: 'absent',
    detail: /the chain has no (claim 5 of f01234|deal 99)/,
  },
  {
    what: 'about another piece',
    make: ({ lotus, piece }) => onChain(lotus, { ...piece, v1: OTHER }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /another piece, baga6ea4/,
  },
  {
    what: 'about a piece too small for the pack',
    make: ({ lotus, piece }) => onChain(lotus, { ...piece, size: 128 }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /cannot hold the \d+ bytes/,
  },
  {
    what: 'past its end',
    make: (place) => {
      onChain(place.lotus, place.piece, 0)
      make(place, { expiration: inDays(place.lotus, 100) })
    },
    verdict: 'refuted',
    standing: 'absent',
    detail: /^(claim 5 of f01234|deal 99) expired at epoch/,
  },
  {
    what: 'slashed',
    only: 'deal',
    make: ({ lotus }) => void Object.assign(lotus.deals.get(DEAL) ?? {}, { slashEpoch: 4_999_000 }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /slashed at epoch 4999000/,
  },
  {
    what: 'not activated yet',
    only: 'deal',
    make: ({ lotus }) => void Object.assign(lotus.deals.get(DEAL) ?? {}, { sector: undefined }),
    verdict: 'unproven',
    standing: 'settling',
    detail: /not activated yet/,
  },
  {
    what: 'of another provider',
    only: 'claim',
    make: ({ lotus }) => void Object.assign(lotus.claims.get(`${PROVIDER}/${CLAIM}`) ?? {}, { Provider: 4321 }),
    verdict: 'refuted',
    standing: 'absent',
    detail: /another provider/,
  },
]

describe.each(['claim', 'deal'] as const)('a %s', (kind) => {
  it.each(CASES.filter(({ only }) => only === undefined || only === kind))('$what is $verdict and $standing', async (expected) => {
    const place = await watched()
    expected.make(place)
    const { proof, standing } = await judged(place, kind)
    expect({ verdict: proof?.verdict, standing }).toEqual({ verdict: expected.verdict, standing: expected.standing })
    expect(proof?.detail).toMatch(expected.detail)
  })

  it('ends with the first of its own end, its sector and what was agreed on', async () => {
    const place = await watched()
    const { vault, at } = await judged(place, kind)
    expect(await vault.retention?.(at)).toEqual({ until: new Date(place.dateOf(inDays(place.lotus, 400))) })
    sectorOf(place).expiration = inDays(place.lotus, 300)
    expect(await vault.retention?.(at)).toEqual({ until: new Date(place.dateOf(inDays(place.lotus, 300))) })
    const agreed = new Date(place.dateOf(inDays(place.lotus, 20)))
    const bound = await judged(place, kind, { until: agreed.toISOString() })
    expect(await bound.vault.retention?.(bound.at)).toEqual({ until: agreed })
    expect(bound.proof).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('ends in 19 days') })
  })

  it('of a piece CID v2 is held to the size in it', async () => {
    const place = await watched()
    expect((await judged(place, kind, { pieceCid: place.piece.v2 })).proof?.verdict).toBe('proven')
    onChain(place.lotus, { ...place.piece, size: place.piece.size * 2 })
    const { proof } = await judged(place, kind, { pieceCid: place.piece.v2 })
    expect(proof).toMatchObject({ verdict: 'refuted', detail: expect.stringContaining('and ours has') })
  })
})

describe('what the chain shows', () => {
  it('is asked of one state of the chain', async () => {
    const place = await watched()
    await judged(place, 'deal')
    const [head, ...rest] = place.lotus.asked
    expect(head?.method).toBe('ChainHead')
    const tipSets = new Set(rest.filter(({ method }) => method !== 'ChainHead').map(({ params }) => JSON.stringify(params.at(-1))))
    expect([...tipSets]).toEqual([expect.stringContaining('bafy2bza')])
  })

  it('is no evidence for another pack than the one that is listed', async () => {
    const place = await watched()
    const { vault, at } = await judged(place, 'claim')
    const { name } = await samplePack({ seed: 'another' })
    expect(await vault.attest?.(at, { name, seed: SEED })).toMatchObject({ verdict: 'unproven' })
  })
})
