/** What the simulator measures, beside what the closed forms say. */
import { confidenceOf, detection } from '../../src/policy/challenge.ts'
import { type CopiesModel, detectionDays, mttdlYears } from '../../src/policy/durability.ts'
import { daysToNotice, foundByDraws, foundByRotation } from './detections.ts'
import { type LifetimeModel, lifetimes } from './lifetimes.ts'

export interface Figure {
  readonly name: string
  readonly measured: string
  readonly closed: string
  /** How far apart they are, and how far apart they may be. */
  readonly off: string
  readonly allowed: string
  readonly met: boolean
}

/** Each with its closed form; `cadence` is the mean time between two audits under an age limit. */
const LIFETIMES: readonly { readonly name: string; readonly model: LifetimeModel; readonly closed: CopiesModel }[] = [
  {
    name: 'MTTDL: 3 copies, 2 losses a year each, 30 days of repair',
    model: { copies: 3, failuresPerYear: 2, repairDays: 30 },
    closed: { copies: 3, failuresPerYear: 2, repairDays: 30 },
  },
  {
    name: 'the same with a common cause every ten years',
    model: { copies: 3, failuresPerYear: 2, repairDays: 30, commonCausePerYear: 0.1 },
    closed: { copies: 3, failuresPerYear: 2, repairDays: 30, commonCausePerYear: 0.1 },
  },
  {
    name: 'MTTDL: 2 copies, audited under an age limit of 30 days',
    model: { copies: 2, failuresPerYear: 1, repairDays: 10, maxAgeDays: 30 },
    closed: { copies: 2, failuresPerYear: 1, repairDays: 10, detectionDays: detectionDays({ everyDays: 20 }) },
  },
]

export const LIFETIME_TOLERANCE = 0.05
export const DETECTION_TOLERANCE = 0.01

/** Mean lifetimes within 5 %. */
export function lifetimeFigures(trials: number, onFigure: (figure: Figure) => void): void {
  for (const { name, model, closed } of LIFETIMES) {
    const { meanYears, errorYears, years } = lifetimes(model, { trials, seed: 1 })
    const exact = mttdlYears(closed)
    const off = meanYears / exact - 1
    onFigure({
      name: `${name} (${Math.round(years)} archive-years)`,
      measured: `${meanYears.toFixed(2)} ± ${errorYears.toFixed(2)} years`,
      closed: `${exact.toFixed(2)} years`,
      off: `${(off * 100).toFixed(1)} %`,
      allowed: `${LIFETIME_TOLERANCE * 100} %`,
      met: Math.abs(off) <= LIFETIME_TOLERANCE,
    })
  }
}

/** Shares of trials within one percentage point. */
export function detectionFigures(trials: number, onFigure: (figure: Figure) => void): void {
  const tell = (name: string, measured: number, exact: number) =>
    onFigure({
      name,
      measured: `${(measured * 100).toFixed(2)} %`,
      closed: `${(exact * 100).toFixed(2)} %`,
      off: `${((measured - exact) * 100).toFixed(2)} points`,
      allowed: `${DETECTION_TOLERANCE * 100} point`,
      met: Math.abs(measured - exact) <= DETECTION_TOLERANCE,
    })
  const options = { trials, seed: 2 }
  const some = { ...options, trials: Math.ceil(trials / 10) }
  const model = { blocks: 256, lost: 3, sample: 16 }
  const once = detection({ population: model.blocks, lost: model.lost, draws: model.sample })
  tell('3 of 256 blocks lost, 16 drawn, one audit', foundByDraws(model, 1, options), once)
  tell('the same, four audits from fresh seeds', foundByDraws(model, 4, options), 1 - (1 - once) ** 4)
  const four = detection({ population: model.blocks, lost: model.lost, draws: 4 * model.sample })
  tell('the same, four audits of a rotation', foundByRotation(model, 4, options), four)
  tell('the same, a whole round of sixteen', foundByRotation(model, 16, some), 1)
  const one = { blocks: 10_000, lost: 100, sample: 459 }
  tell(
    '1 % of 10,000 lost, 459 drawn, one survey',
    foundByDraws(one, 1, { ...options, trials: Math.ceil(trials / 4) }),
    confidenceOf({ draws: 459, loss: 0.01, population: 10_000 }),
  )
  const days = daysToNotice(30, options)
  const exact = detectionDays({ everyDays: 20 })
  onFigure({
    name: 'days until a copy that is gone is asked for, age limit 30 days',
    measured: days.toFixed(2),
    closed: exact.toFixed(2),
    off: `${((days / exact - 1) * 100).toFixed(1)} %`,
    allowed: '5 %',
    met: Math.abs(days / exact - 1) <= LIFETIME_TOLERANCE,
  })
}
