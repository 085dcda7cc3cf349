import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { VaultError, type VaultErrorCode } from '../../../src/errors.ts'
import { addressOf, RAW } from '../../../src/format/address.ts'
import { type BlockGateway, raceGateways, trustlessGateway } from '../../../src/ipfs.ts'
import { fakeGateway } from '../../fakes/gateway.ts'

const bytes = Buffer.from('a block')
const cid = addressOf(bytes, RAW)
/** Longer than any test: what joins earlier did not join by the clock. */
const NEVER_MS = 3_600_000

type Behaviour = number | 'hangs' | VaultErrorCode | { readonly retryAfterMs: number } | Error

/** A gateway on a clock that moves by what its answers take. */
function house() {
  let now = 1_000
  const asked: string[] = []
  const aborted: string[] = []
  const gateway = (name: string, behaviour: Behaviour): BlockGateway & { behaviour: Behaviour } => ({
    url: `https://${name}.example`,
    behaviour,
    async block(_cid, { signal } = {}) {
      asked.push(name)
      const how = this.behaviour
      if (how === 'hangs') {
        await new Promise((_, reject) =>
          signal?.addEventListener('abort', () => {
            aborted.push(name)
            reject(signal.reason)
          }),
        )
      }
      if (how instanceof Error) throw how
      if (typeof how === 'number') now += how
      else if (typeof how === 'object') throw new VaultError('unreachable', name, 'too many', how)
      else if (how !== 'hangs') throw new VaultError(how, name, `it says ${how}`)
      return bytes
    },
  })
  const round = () => asked.splice(0).join(' ')
  return { gateway, clock: () => now, advance: (ms: number) => (now += ms), round, aborted }
}

describe('a race of gateways', () => {
  it('asks each once to know its pace, and then the quickest', async () => {
    const { gateway, clock, round } = house()
    const race = raceGateways([gateway('slow', 300), gateway('quick', 10), gateway('middling', 100)], { clock, firstHedgeMs: NEVER_MS })
    for (const first of ['slow', 'quick', 'middling', 'quick', 'quick']) {
      expect(await race.block(cid)).toEqual(bytes)
      expect(round()).toBe(first)
    }
  })

  it('turns to another when the quickest becomes slow', async () => {
    const { gateway, clock, round } = house()
    const [a, b] = [gateway('a', 10), gateway('b', 50)]
    const race = raceGateways([a, b], { clock, firstHedgeMs: NEVER_MS })
    await race.block(cid)
    await race.block(cid)
    a.behaviour = 1_000
    await race.block(cid)
    round()
    await race.block(cid)
    expect(round()).toBe('b')
  })

  it('asks the next as well when one is late, and lets go of the late one', async () => {
    const { gateway, clock, round, aborted } = house()
    const race = raceGateways([gateway('late', 'hangs'), gateway('other', 5)], { clock, firstHedgeMs: 1 })
    expect(await race.block(cid)).toEqual(bytes)
    expect(round()).toBe('late other')
    expect(aborted).toEqual(['late'])
  })

  it.each<Behaviour>(['absent', 'unreachable', 'denied', 'damaged', 'unsupported', new TypeError('a bug')])(
    'asks the next at once when one says %s',
    async (behaviour) => {
      const { gateway, clock, round } = house()
      const race = raceGateways([gateway('bad', behaviour), gateway('good', 5)], { clock, firstHedgeMs: NEVER_MS })
      expect(await race.block(cid)).toEqual(bytes)
      expect(round()).toBe('bad good')
      await race.block(cid)
      expect(round()).toBe('good')
    },
  )

  it('asks one that gave wrong bytes last, and one that failed before it', async () => {
    const { gateway, clock, round } = house()
    const [liar, broken, honest] = [gateway('liar', 'damaged'), gateway('broken', 'unreachable'), gateway('honest', 500)]
    const race = raceGateways([liar, broken, honest], { clock, firstHedgeMs: NEVER_MS })
    await race.block(cid)
    round()
    liar.behaviour = 1
    honest.behaviour = 'absent'
    await race.block(cid)
    expect(round()).toBe('honest broken liar')
    broken.behaviour = 1
    await race.block(cid)
    expect(round()).toBe('honest broken')
    await race.block(cid)
    expect(round()).toBe('broken')
  })

  it('does not ask one that asked for a pause before it is over', async () => {
    const { gateway, clock, advance, round } = house()
    const [busy, gone] = [gateway('busy', { retryAfterMs: 5_000 }), gateway('gone', 'absent')]
    const race = raceGateways([busy, gone], { clock, firstHedgeMs: NEVER_MS })
    await expect(race.block(cid)).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 5_000 })
    advance(4_999)
    round()
    await expect(race.block(cid)).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 1 })
    expect(round()).toBe('gone')
    advance(1)
    busy.behaviour = 3
    expect(await race.block(cid)).toEqual(bytes)
  })

  it.each<[VaultErrorCode, readonly Behaviour[]]>([
    ['absent', ['absent', 'absent']],
    ['unreachable', ['absent', 'unreachable', 'damaged']],
    ['denied', ['absent', 'denied']],
    ['damaged', ['absent', 'damaged']],
    ['unreachable', ['absent', new TypeError('a bug')]],
  ])('says %s when %j is what they say, and who said what', async (code, behaviours) => {
    const { gateway, clock } = house()
    const race = raceGateways(
      behaviours.map((behaviour, i) => gateway(`g${i}`, behaviour)),
      { clock, firstHedgeMs: NEVER_MS },
    )
    const error = await race.block(cid).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, vault: 'gateways', cause: { errors: { length: behaviours.length } } })
    for (const [i, behaviour] of behaviours.entries())
      expect((error as Error).message).toContain(behaviour instanceof Error ? behaviour.message : `vault g${i}: it says ${behaviour}`)
  })

  it('ends with the reason of the caller, and asks nobody else', async () => {
    const { gateway, clock, round, aborted } = house()
    const race = raceGateways([gateway('late', 'hangs'), gateway('other', 5)], { clock, firstHedgeMs: NEVER_MS })
    const stop = new AbortController()
    const asked = race.block(cid, { signal: stop.signal })
    stop.abort(new RangeError('enough'))
    await expect(asked).rejects.toThrow(new RangeError('enough'))
    expect(aborted).toEqual(['late'])
    await expect(race.block(cid, { signal: stop.signal })).rejects.toThrow(new RangeError('enough'))
    expect(round()).toBe('late')
  })

  it('learns nothing of a gateway from a caller that gave up, or from a CID that nobody is asked for', async () => {
    const { gateway, clock, round } = house()
    const [a, b] = [gateway('a', 'hangs'), gateway('b', 200)]
    const race = raceGateways([a, b], { clock, firstHedgeMs: NEVER_MS })
    const stop = new AbortController()
    const asked = race.block(cid, { signal: stop.signal })
    stop.abort(new RangeError('enough'))
    await expect(asked).rejects.toThrow('enough')
    a.behaviour = 500
    await race.block(cid)
    await race.block(cid)
    round()
    await race.block(cid)
    expect(round()).toBe('b')
    b.behaviour = 10_000
    expect(await race.block(CID.createV1(RAW, Digest.create(0, new Uint8Array(3))))).toHaveLength(3)
    await expect(race.block(CID.createV1(RAW, Digest.create(0xb220, new Uint8Array(32))))).rejects.toMatchObject({ code: 'unsupported' })
    expect(round()).toBe('')
    await race.block(cid)
    expect(round()).toBe('b')
  })

  it('needs somebody to ask', () => {
    expect(() => raceGateways([])).toThrow(expect.objectContaining({ code: 'invalid' }))
  })

  it('passes over real gateways that lie, hang and refuse', async () => {
    await using lying = await fakeGateway()
    await using hanging = await fakeGateway()
    await using refusing = await fakeGateway()
    await using good = await fakeGateway()
    for (const one of [lying, hanging, good]) one.hold(cid, bytes)
    lying.fault = { type: 'wrong-bytes' }
    hanging.fault = { type: 'hangs-after-half' }
    refusing.fault = { type: 'status', status: 429, headers: { 'retry-after': '60' } }
    const gateways = [lying, hanging, refusing, good].map(({ url }) => trustlessGateway(url, { allowPrivate: true, timeoutMs: NEVER_MS }))
    const race = raceGateways(gateways, { firstHedgeMs: 20 })
    expect(await race.block(cid)).toEqual(new Uint8Array(bytes))
    await hanging.hungUp()
    expect(await race.block(cid)).toEqual(new Uint8Array(bytes))
    expect([lying, refusing].map(({ requests }) => requests.length)).toEqual([1, 1])
  })
})
