import { describe, expect, it, onTestFinished } from 'vitest'
import { type Chance, chanceOf } from '../../bench/simulate/random.ts'
import { bytesOf } from '../flow/house.ts'
import { COPIES, type Colonist, type Colony, colony, GRACE_DAYS, isSame, MAX_AGE_DAYS, wholeIn } from './colony.ts'

const DAYS = 60
const EVERY_DAYS = 2
const SEEDS = [1, 2, 3]
const MINUTE = 60_000

/** One cycle of the watch every other day, as cron would run it. */
async function keep({ archive }: Colony, day: number): Promise<void> {
  if (day % EVERY_DAYS !== 0) return
  await archive.watch({ once: true })
}

/** One day's faults. Returns what happened, for the message of a failure. */
function trouble({ colonists, pristine }: Colony, { chance, day, calm }: { chance: Chance; day: number; calm: boolean }): string {
  for (const one of colonists) if (one.outUntil <= day) one.faults.unreachable = undefined
  if (calm) return ''
  const one = chance.pick(colonists)
  const [at] = chance.pick([...pristine])
  const bytes = one.store.get(at)
  switch (chance.below(9)) {
    case 0: {
      if (!bytes) return ''
      const offset = chance.below(bytes.byteLength)
      bytes[offset] = (bytes[offset] ?? 0) ^ 1
      return `${one.id} rots`
    }
    case 1:
      one.store.delete(at)
      return `${one.id} loses a pack`
    case 2:
    case 6:
    case 7:
      return goOut(one, day, 2 + chance.below(GRACE_DAYS - 2))
    case 3:
      return goOut(one, day, GRACE_DAYS + 3 + chance.below(20))
    case 4:
      one.faults.failAfterPut = 1
      return `${one.id} will lose an answer`
    case 5:
      return chance.chance(0.3) ? colonists.map((each) => goOut(each, day, 1 + chance.below(GRACE_DAYS - 1))).join(', ') : ''
    default:
      return ''
  }
}

function goOut(one: Colonist, day: number, days: number): string {
  // Too close to the last outage for anybody to have noticed its end: one and the same.
  if (day - one.outUntil > 8) one.outSince = day
  one.outUntil = Math.max(one.outUntil, day + days)
  one.faults.unreachable = true
  return `${one.id} is out for ${days} days`
}

/** What must hold after each day's keeping, by the truth of the vaults. */
function check(
  life: Colony,
  before: { whole: readonly string[]; holders: readonly string[]; day: number; story: readonly string[] },
): void {
  const { whole, holders, day, story } = before
  const told = `\n${story.join('\n')}`
  const puts = life.takePuts()
  for (const { vault, at, wasWhole } of puts) expect(wasWhole, `day ${day}: ${at} was put into ${vault}, which had it${told}`).toBe(false)
  for (const { vault, at } of puts) {
    const bytes = life.colonists.find(({ id }) => id === vault)?.store.get(at)
    if (bytes) expect(isSame(bytes, life.pristine.get(at)), `day ${day}: ${vault} was given wrong bytes${told}`).toBe(true)
  }
  const after = wholeIn(life)
  expect(
    whole.filter((id) => !after.includes(id)),
    `day ${day}: whole copies went away by keeping${told}`,
  ).toEqual([])
  const silent = life.colonists.filter(({ outUntil }) => outUntil > day)
  if (silent.length === life.colonists.length) expect(puts, `day ${day}: a repair while nothing answered${told}`).toEqual([])
  // A vault that had no copy gets one only for a copy that is gone, or silent for longer than the grace.
  const standing = whole.filter((id) => silent.every((one) => one.id !== id || day - one.outSince < GRACE_DAYS))
  const fresh = puts.filter(({ vault }) => !holders.includes(vault))
  if (standing.length >= COPIES) expect(fresh, `day ${day}: a copy too many because of a short outage${told}`).toEqual([])
}

describe('an archive under random faults', () => {
  it.each(SEEDS)(
    'keeps what must hold, and comes back to its policy when they end (seed %i)',
    async (seed) => {
      const chance = chanceOf(seed, 9)
      const life = await colony(chance)
      onTestFinished(() => life.archive.close())
      const story: string[] = []
      let lost = false
      for (let day = 0; day < DAYS; day++) {
        life.clock.advanceDays(1)
        const isOneSafe = wholeIn(life).filter((id) => life.colonists.some((one) => one.id === id && one.outUntil <= day)).length > 1
        const event = trouble(life, { chance, day, calm: !isOneSafe })
        if (event !== '') story.push(`day ${day}: ${event}`)
        lost ||= wholeIn(life).length === 0
        const whole = wholeIn(life)
        const known = await life.archive.status(life.root)
        const holders = known.replicas.filter(({ locator }) => locator !== undefined).map(({ vault }) => vault)
        await keep(life, day)
        check(life, { whole, holders, day, story })
      }
      expect(lost).toBe(false)
      for (const { faults } of life.colonists) Object.assign(faults, { unreachable: undefined, failAfterPut: 0 })
      for (const one of life.colonists) one.outUntil = 0
      for (let day = DAYS; day < DAYS + 2 * MAX_AGE_DAYS; day++) {
        life.clock.advanceDays(1)
        await keep(life, day)
      }
      const report = await life.archive.status(life.root)
      expect(report.state, story.join('\n')).toBe('satisfied')
      expect(wholeIn(life).length).toBeGreaterThanOrEqual(COPIES)
      expect(story.length).toBeGreaterThan(10)
      expect(isSame(await bytesOf(life.archive.get(life.root)), life.content)).toBe(true)
    },
    2 * MINUTE,
  )

  it('calls nothing lost and stores nothing while no vault answers, however short of the grace', async () => {
    const life = await colony(chanceOf(99, 9))
    onTestFinished(() => life.archive.close())
    for (const { faults } of life.colonists) faults.unreachable = true
    for (let day = 0; day < GRACE_DAYS - 1; day++) {
      life.clock.advanceDays(1)
      await keep(life, EVERY_DAYS * day)
    }
    expect((await life.archive.status(life.root)).state).not.toMatch(/lost|at-risk|damaged/)
    expect(life.takePuts()).toEqual([])
    for (const { faults } of life.colonists) faults.unreachable = undefined
    // Vaults that were silent are left alone for some hours yet.
    for (let day = 0; day < 2; day++) {
      life.clock.advanceDays(1)
      await keep(life, 0)
    }
    expect((await life.archive.status(life.root)).state).toBe('satisfied')
    expect(life.takePuts()).toEqual([])
  })
})
