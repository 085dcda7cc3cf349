/**
 * How long copies last, in closed form: the birth–death chain behind "mean time to data loss".
 *
 * Every function here rests on assumptions that real vaults break: copies fail independently of each other, at a constant rate; what is lost is noticed
 * and repaired after a time that is exponential with the given mean; every copy under repair is worked on at once; and a repair always finds a place to go.
 * One operator, one bug, one stolen key or one unpaid bill that takes several copies with it makes the result worthless, and no number of copies helps:
 * that is what `commonCausePerYear` is for, and with it the result never exceeds one over that rate. So these figures are for comparing settings with
 * each other and for checking the simulator. They are not a promise, and are not to be quoted as a number of nines.
 */
import { PolicyError } from '../errors.ts'

/** Days of a year, as rates per year are turned into rates per day here. */
export const YEAR_DAYS = 365

export interface CopiesModel {
  readonly copies: number
  /** How often one copy is lost, on average. */
  readonly failuresPerYear: number
  /** Mean time from the loss being noticed to a whole copy standing again. Infinity: nobody repairs. */
  readonly repairDays: number
  /** Mean time from the loss to its being noticed; see `detectionDays`. Default 0. Infinity: nobody looks. */
  readonly detectionDays?: number | undefined
  /** How often something takes all copies at once. Default 0, which is a claim of independence. */
  readonly commonCausePerYear?: number | undefined
}

/**
 * Mean years until the last copy is lost, starting with all of them intact: exact for the chain described above. Infinity when nothing ever fails.
 * Three copies, two losses a year each, thirty days of repair: 10.63 years.
 */
export function mttdlYears(model: CopiesModel): number {
  const { copies, failuresPerYear, repairDays, detectionDays = 0, commonCausePerYear = 0 } = model
  if (!Number.isSafeInteger(copies) || copies < 1) throw invalid('copies', copies, 'a whole number of at least 1')
  const loss = notNegative('failuresPerYear', failuresPerYear)
  const common = notNegative('commonCausePerYear', commonCausePerYear)
  const days = notNegative('repairDays', repairDays) + notNegative('detectionDays', detectionDays)
  if (days === 0) return common === 0 ? Number.POSITIVE_INFINITY : 1 / common
  if (loss === 0) return common === 0 ? Number.POSITIVE_INFINITY : 1 / common
  const repair = YEAR_DAYS / days
  // With `lost` copies gone, the mean time left is `years + share * (mean time left with one more gone)`; `rest` is 1 - share, kept apart so that
  // nothing cancels when repair is a million times faster than loss.
  let years = 1 / (copies * loss + common)
  let share = (copies * loss) / (copies * loss + common)
  let rest = common / (copies * loss + common)
  let total = years
  let reach = share
  for (let lost = 1; lost < copies; lost++) {
    const down = (copies - lost) * loss
    const out = down + common + lost * repair * rest
    years = (1 + lost * repair * years) / out
    rest = (common + lost * repair * rest) / out
    share = down / out
    total += reach * years
    reach *= share
  }
  return total
}

/** Chance that data is lost within so many years, taking the loss as memoryless: close where repair is much faster than loss. */
export function lossWithin(years: number, model: CopiesModel): number {
  return -Math.expm1(-notNegative('years', years) / mttdlYears(model))
}

/**
 * Chance that every copy is lost within so many years when nobody looks and nobody repairs: exact for independent copies, with the common cause on top.
 * Put and forget.
 */
export function lossUnattended(years: number, model: Pick<CopiesModel, 'copies' | 'failuresPerYear' | 'commonCausePerYear'>): number {
  const { copies, failuresPerYear, commonCausePerYear = 0 } = model
  const span = notNegative('years', years)
  const allGone = (-Math.expm1(-notNegative('failuresPerYear', failuresPerYear) * span)) ** copies
  return 1 - (1 - allGone) * Math.exp(-notNegative('commonCausePerYear', commonCausePerYear) * span)
}

/**
 * Mean days from a loss to the challenge that notices it: half an interval, since losses fall anywhere between two challenges, and one interval more for
 * each challenge that misses it. `detection` is the chance that one challenge meets the loss: 1 for a copy that is gone, see `detection` in challenge.ts for
 * a share of its blocks. `patienceDays` is what silence is given before it counts: the grace for a vault that does not answer, 0 for wrong bytes.
 */
export function detectionDays({
  everyDays,
  detection = 1,
  patienceDays = 0,
}: {
  readonly everyDays: number
  readonly detection?: number | undefined
  readonly patienceDays?: number | undefined
}): number {
  if (!(detection > 0 && detection <= 1)) throw invalid('detection', detection, 'more than 0 and at most 1')
  return notNegative('everyDays', everyDays) * (1 / detection - 0.5) + notNegative('patienceDays', patienceDays)
}

function notNegative(name: string, value: number): number {
  if (!(value >= 0)) throw invalid(name, value, 'a number, not negative')
  return value
}

const invalid = (name: string, value: number, wanted: string) => new PolicyError('invalid', `${name} is ${value} and must be ${wanted}`)
