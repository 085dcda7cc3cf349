/** What the loop comes to think of a vault, by the library's own reputation: wrong bytes quarantine it, a clean survey of all it holds ends that. */
import type { VaultScore } from '../../src/contracts/audit.ts'
import type { ScoreRow } from '../../src/contracts/catalog-audit.ts'
import { learn, released, scoreFrom, shunned } from '../../src/policy/reputation.ts'
import { drawSurvey } from '../../src/policy/survey.ts'
import { LOST } from './audit.ts'
import { type Life, placeIn, profilesOf, whenAwake } from './life.ts'
import { spend } from './money.ts'
import { consider } from './repair.ts'
import { DAY } from './scenario.ts'
import { type Answer, answers, ask } from './world.ts'

const GOAL = { confidence: 0.95, loss: 0.1 }
const SURVEY_DAYS = 10
const SEED_BYTES = 32

export type Scores = Map<string, ScoreRow>

/** Learns from the answers to one audit. */
export function learnFrom(life: Life, vault: string, found: readonly { readonly answer: Answer }[]): void {
  const { scores } = life.keeper
  const of = (wanted: Answer) => found.filter(({ answer }) => answer === wanted).length
  const tally = { intact: of('intact'), damaged: of('wrong'), absent: of('absent'), silent: of('silent'), denied: 0, latencies: [] }
  const before = scores.get(vault)
  const after = learn(before, { vault, answers: tally, now: life.now })
  scores.set(vault, after)
  if (after.quarantinedAt !== undefined && before?.quarantinedAt === undefined) {
    life.note(() => `${vault} is quarantined`)
    planSurvey(life, vault)
  }
}

export const scoresOf = ({ keeper }: Life): ReadonlyMap<string, VaultScore> =>
  new Map([...keeper.scores].map(([vault, row]) => [vault, scoreFrom(row)]))

/** Vaults that get nothing new. What one of them has, or was to have, is nothing new there. */
export function unwanted(life: Life, scores: ReadonlyMap<string, VaultScore>, begun: ReadonlySet<string>): ReadonlyMap<string, string> {
  if (![...scores.values()].some(({ quarantine }) => quarantine)) return NONE
  const ids = shunned(scores, { vaults: [...profilesOf(life).values()], floor: life.scenario.policy.floor })
  return new Map([...ids].filter((id) => !begun.has(id)).map((id) => [id, 'quarantined']))
}

const NONE: ReadonlyMap<string, string> = new Map()

function planSurvey(life: Life, vault: string): void {
  whenAwake(life, life.now + SURVEY_DAYS * DAY, () => {
    const row = life.keeper.scores.get(vault)
    if (row?.quarantinedAt === undefined || !life.keeper.configured.has(vault)) return
    if (isClean(life, vault)) {
      life.keeper.scores.set(vault, released(row))
      life.note(() => `${vault} is released`)
      for (const object of life.keeper.objects) consider(life, object)
    } else planSurvey(life, vault)
  })
}

/** Draws over all blocks that are placed there, asked at once. Damage that is known and not repaired needs no survey. */
function isClean(life: Life, vault: string): boolean {
  const place = placeIn(life, vault)
  if (!answers(life.world, place, life.now)) return false
  const held = life.keeper.objects.filter(({ replicas }) => replicas.get(vault)?.state === 'placed')
  if (held.some(({ replicas }) => replicas.get(vault)?.rows.some(({ verdict }) => LOST.has(verdict)))) return false
  const blocks = held.flatMap(({ id, blocks: count }) => Array.from({ length: count }, (_, ordinal) => ({ object: id, ordinal })))
  if (blocks.length === 0) return true
  const drawn = drawSurvey({ seed: life.chance.keeper.bytes(SEED_BYTES), goal: GOAL, population: blocks.length })
  if (!spend(life, 'audits', drawn.length * place.readPrice)) {
    for (const object of held) life.checker.refused(object)
    return false
  }
  life.checker.billed(place, 'audits', drawn.length * place.readPrice)
  return drawn.every((index) => {
    const block = blocks[index]
    return block !== undefined && ask(life.world, place, { ...block, now: life.now }) === 'intact'
  })
}
