/** What the loop has seen of vaults that do not answer: one cheap question each, before anything is asked of what they hold. */
import type { Silence } from '../../src/policy/hysteresis.ts'
import { type Kept, type Known, type Life, placeIn, type Row, whenAwake } from './life.ts'
import { DAY } from './scenario.ts'
import { answers } from './world.ts'

export type Silences = Map<string, Silence & { readonly at: number }>

/** Does the vault answer? What is seen is kept, as long as nobody hears from it. */
export function isHeard(life: Life, vault: string): boolean {
  const { silences } = life.keeper
  if (answers(life.world, placeIn(life, vault), life.now)) {
    silences.delete(vault)
    return true
  }
  const { graceDays } = life.scenario.policy
  if (!silences.has(vault)) probeLater(life, vault)
  const silentMs = life.rules.silenceSeen(silences.get(vault), { now: life.now, graceDays })
  silences.set(vault, { reason: 'silent', at: life.now, silentMs })
  return false
}

/** A vault that was silent is asked again and again, whether anything there is due or not: else nobody would know that it came back. */
function probeLater(life: Life, vault: string): void {
  whenAwake(life, life.now + (life.scenario.retryDays * DAY) / 2, () => {
    if (!life.keeper.configured.has(vault) || !life.keeper.silences.has(vault)) return
    if (!isHeard(life, vault)) probeLater(life, vault)
  })
}

/** That its vault did not answer is what is known of a replica then. Open probes stay as they are: nobody asked them. */
export function hush(life: Life, object: Kept, known: Known): Row {
  const row: Row = { verdict: 'unreachable', possession: 'claimed', retrieval: 'none', at: life.now, object: object.id }
  known.rows = [row, ...known.rows.filter(({ retrieval }) => retrieval !== 'none')]
  life.note(() => `object ${object.id} in ${known.vault}: unreachable`)
  return row
}
