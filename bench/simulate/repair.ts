/**
 * What an object needs and how it gets it, in the order of flow/repair.ts: judge, ask again, the same placement with health filled in, bytes from sources
 * that were hashed, then to each target locate before put, and read back whole.
 */
import type { Ruling } from '../../src/policy/state.ts'
import { askAgain, challenge, LOST, planAudit } from './audit.ts'
import { dropLater } from './faults.ts'
import { letGo } from './leave.ts'
import { type Kept, type Known, type Life, placeIn, profilesOf, type Row, whenAwake } from './life.ts'
import { giveBack, nextWindow, spend, windowOf } from './money.ts'
import { learnTerm, watchExpiry } from './renew.ts'
import { DAY, HOUR } from './scenario.ts'
import { isHeard } from './silence.ts'
import { scoresOf, unwanted } from './trust.ts'
import { answers, ask, claims, GOOD, type Place, store, WRONG } from './world.ts'

const BLOCK_BYTES = 1_000_000

export interface Step {
  readonly vault: string
  readonly action: 'replace' | 'place'
}

/** What is known of an object, judged by policy. */
export function judge(life: Life, object: Kept, without: ReadonlySet<string> = new Set()): Ruling<Row> {
  const profiles = [...profilesOf(life).values()]
  const vaults = without.size === 0 ? profiles : profiles.filter(({ id }) => !without.has(id))
  const judgement = life.rules.judge<Row>({
    policy: life.scenario.policy,
    vaults,
    now: life.now,
    packs: [
      {
        name: `pack-${object.id}`,
        packBytes: object.blocks * BLOCK_BYTES,
        spooled: object.spooled !== undefined,
        replicas: [...object.replicas.values()].map(({ vault, state, located, rows }) => ({
          vault,
          state,
          locator: located ? vault : undefined,
          evidence: rows,
        })),
      },
    ],
  })
  if (without.size === 0) object.state = judgement.state
  return judgement
}

/** Judges an object and starts what it needs. */
export function consider(life: Life, object: Kept): void {
  if (object.repairing) return
  let judgement = judge(life, object)
  if (life.rules.asksAgain) {
    const lost = judgement.replicas.filter(({ verdict, vault }) => LOST.has(verdict) && life.keeper.configured.has(vault))
    for (const { vault } of lost) {
      const known = object.replicas.get(vault)
      if (!known || known.rows.some((row) => row.at === life.now) || !isHeard(life, vault)) continue
      if (!askAgain(life, object, known)) return void later(life, object)
    }
    if (lost.length > 0) judgement = judge(life, object)
  }
  const { steps, lost, waits } = stepsOf(life, object, judgement)
  if (steps.length > 0) start(life, object, steps, lost)
  else {
    letGo(life, object)
    // The watch looks at whatever is not as the policy wants it in every cycle; when nothing helped, after a longer pause.
    // And whoever lets a vault go asks for it again until it is done.
    const isLeaving = [...life.keeper.leaving].some((vault) => object.replicas.has(vault))
    if (waits || isLeaving || object.state !== 'satisfied') later(life, object)
    else object.tries = 0
  }
}

interface Plan {
  readonly steps: readonly Step[]
  /** Copies that count no longer. */
  readonly lost: readonly string[]
  /** There is something to repair, and nothing to be done now. */
  readonly waits: boolean
}

/**
 * As flow/repair-plan.ts and the watch plan it: lost copies are replaced where they were unless the vault is silent, what hysteresis gives up is placed
 * elsewhere, and the policy asks for what is missing then. Vaults that are to be let go count for nothing.
 */
function stepsOf(life: Life, object: Kept, { replicas }: Ruling<Row>): Plan {
  const { keeper, rules, scenario } = life
  const { floor, graceDays } = scenario.policy
  const { silences } = keeper
  const here = replicas.filter(({ vault }) => keeper.configured.has(vault))
  const vaults = profilesOf(life)
  const relief = rules.relieve({ replicas: here, vaults, floor, graceDays, silences, spooled: object.spooled !== undefined })
  const gone = here.filter(({ vault, verdict }) => LOST.has(verdict) && !keeper.leaving.has(vault)).map(({ vault }) => vault)
  const lost = [...new Set([...gone, ...relief.givenUp.keys()])]
  const able = gone.filter((vault) => !silences.has(vault))
  const patient = relief.urgent ? [] : gone.filter((vault) => silences.has(vault) && !relief.givenUp.has(vault))
  const standing = here.filter(({ vault, verdict }) => object.replicas.get(vault)?.located === true && !LOST.has(verdict))
  const staying = standing.filter(({ vault }) => !relief.givenUp.has(vault) && !keeper.leaving.has(vault)).map(({ vault }) => vault)
  const held = new Set([...staying, ...patient, ...able])
  const shut = [...silences.keys()].filter((vault) => !held.has(vault)).map((vault): [string, string] => [vault, 'it does not answer'])
  const excluded = new Map([...leavers(life), ...relief.givenUp, ...shut])
  const steps = [...able.map((vault): Step => ({ vault, action: 'replace' })), ...placed(life, object, { held, excluded })]
  return relief.source ? { steps, lost, waits: patient.length > 0 } : { steps: [], lost, waits: steps.length + patient.length > 0 }
}

const leavers = ({ keeper }: Life): Map<string, string> => new Map([...keeper.leaving].map((id) => [id, 'it is to be let go']))

function placed(
  life: Life,
  object: Kept,
  { held, excluded }: { readonly held: ReadonlySet<string>; readonly excluded: ReadonlyMap<string, string> },
): readonly Step[] {
  const { policy } = life.scenario
  const scores = scoresOf(life)
  const refused = new Map([...unwanted(life, scores, new Set([...held, ...object.replicas.keys()])), ...excluded])
  const packBytes = object.blocks * BLOCK_BYTES
  const plan = life.rules.place({ policy, vaults: [...profilesOf(life).values()], packBytes, held, excluded: refused, scores })
  return plan.add.map((vault) => ({ vault, action: 'place' }))
}

/** Sets the money aside, gathers verified bytes, and is done some time later. */
function start(life: Life, object: Kept, steps: readonly Step[], lost: readonly string[]): void {
  const { scenario, keeper, chance } = life
  const reachable = steps.filter(({ vault }) => answers(life.world, placeIn(life, vault), life.now))
  // Whoever does not answer is known to be silent now, and gone around next time.
  for (const { vault } of steps) isHeard(life, vault)
  if (reachable.length === 0) return void later(life, object)
  life.checker.repairBegins(object, { steps: reachable, lost })
  const sources = object.spooled ? [] : sourcesOf(life, object)
  // At most: each source may be asked for every block in vain.
  const reading = object.blocks * Math.max(2, sources.length) * Math.max(0, ...sources.map(({ place }) => place.readPrice))
  const amount = reading + costOfPuts(life, object, reachable.length)
  if (!spend(life, 'repairs', amount)) {
    life.checker.refused(object)
    life.note(() => `repair of ${object.id} waits for money`)
    return void later(life, object, nextWindow(life))
  }
  const reserve = { amount: amount - reading, window: keeper.ledger.window }
  object.spooled ??= gather(life, object, sources)
  if (!object.spooled) {
    giveBack(life, 'repairs', reserve)
    return void later(life, object)
  }
  life.counts.repairs++
  object.tries = 0
  object.repairing = true
  life.note(() => `repair of ${object.id} begins: ${steps.map(({ vault, action }) => `${action} ${vault}`).join(', ')}`)
  const begun = life.now
  whenAwake(life, life.now + chance.keeper.between(0.1, 1) * scenario.repairDays * DAY, () =>
    finish(life, object, { steps: reachable, begun, reserve }),
  )
}

/** Pauses between tries grow to so many times the first. */
const LONGEST_PAUSE = 4

/** At most: a detour may cost more than what it goes around, and what is found there and is bad is read twice and paid for after all. */
function costOfPuts(life: Life, object: Kept, puts: number): number {
  const places = [...life.keeper.configured.keys()].map((id) => placeIn(life, id))
  const put = Math.max(0, ...places.map(({ putPrice }) => putPrice))
  const read = Math.max(0, ...places.map(({ readPrice }) => readPrice))
  return object.blocks * puts * (put + 2 * read)
}

/** Looks at the object again; of several wishes to do so, one is kept. */
function later(
  life: Life,
  object: Kept,
  when = life.now + Math.min(LONGEST_PAUSE, 2 ** object.tries++) * life.scenario.retryDays * DAY,
): void {
  if (object.looking) return
  object.looking = true
  whenAwake(life, when, () => {
    object.looking = false
    consider(life, object)
  })
}

interface Source {
  readonly place: Place
  readonly known: Known
}

/** Best first: shown to be intact, then the cheapest. */
function sourcesOf(life: Life, object: Kept): readonly Source[] {
  const bad = ({ rows }: Known) => rows.some(({ verdict }) => LOST.has(verdict))
  return [...object.replicas.values()]
    .filter(({ vault, state }) => state === 'placed' && life.keeper.configured.has(vault))
    .map((known) => ({ known, place: placeIn(life, known.vault) }))
    .sort((a, b) => Number(bad(a.known)) - Number(bad(b.known)) || a.place.readPrice - b.place.readPrice)
}

/** Every block from whichever source shows it, hashed. Undefined when one is to be had nowhere. */
function gather(life: Life, object: Kept, sources: readonly Source[]): Uint8Array | undefined {
  const blocks = new Uint8Array(object.blocks)
  for (let ordinal = 0; ordinal < object.blocks; ordinal++) {
    const from = sources.find(({ place }) => {
      const answer = ask(life.world, place, { object: object.id, ordinal, now: life.now })
      if (answer === 'silent' || answer === 'absent') return false
      life.checker.billed(place, 'repairs', place.readPrice)
      blocks[ordinal] = answer === 'intact' ? GOOD : WRONG
      return answer === 'intact' || !life.rules.hashesSources
    })
    if (!from) return undefined
  }
  return blocks
}

interface Job {
  readonly steps: readonly Step[]
  readonly begun: number
  readonly reserve: { readonly amount: number; readonly window: number }
}

/** Brings the bytes to each target, and around those that would not take them. */
function finish(life: Life, object: Kept, { steps, begun, reserve }: Job): void {
  object.repairing = false
  // Prices may have risen since, and what was set aside in a window that is over has to come out of this one.
  const cost = costOfPuts(life, object, steps.length)
  const more = reserve.window === windowOf(life.now) ? Math.max(0, cost - reserve.amount) : cost
  if (!spend(life, 'repairs', more)) {
    life.checker.refused(object)
    later(life, object, nextWindow(life))
    return
  }
  let left = cost
  const pay = (place: Place, cost: number) => {
    left -= cost
    life.checker.billed(place, 'repairs', cost)
  }
  const failed = new Map(leavers(life))
  for (const step of steps) {
    const outcome = bring(life, object, step, { begun, pay })
    if (outcome === 'died') return
    if (outcome === 'failed') failed.set(step.vault, 'it would not take it')
  }
  if (failed.size > life.keeper.leaving.size) {
    const held = new Set(
      judge(life, object)
        .replicas.filter(({ vault, verdict }) => object.replicas.get(vault)?.located === true && !LOST.has(verdict) && !failed.has(vault))
        .map(({ vault }) => vault),
    )
    for (const step of placed(life, object, { held, excluded: failed })) {
      const { putPrice, readPrice } = placeIn(life, step.vault)
      if (object.blocks * (putPrice + 2 * readPrice) > left) continue
      if (bring(life, object, step, { begun, pay }) === 'died') return
    }
  }
  giveBack(life, 'repairs', { window: windowOf(life.now), amount: Math.max(0, left) })
  const { floorHeld, state } = judge(life, object)
  if (floorHeld) object.spooled = undefined
  life.note(() => `repair of ${object.id} done: ${state}`)
  later(life, object)
}

interface Bringing {
  readonly begun: number
  readonly pay: (place: Place, cost: number) => void
}

/** Intent, locate, put, placed, read back: as flow/replicate.ts does. */
function bring(life: Life, object: Kept, { vault, action }: Step, { begun, pay }: Bringing): 'stored' | 'found' | 'failed' | 'died' {
  const { rules, scenario, chance, keeper } = life
  const place = placeIn(life, vault)
  if (!keeper.configured.has(vault) || !object.spooled || !answers(life.world, place, life.now)) return 'failed'
  const known = object.replicas.get(vault) ?? intend(object, vault)
  const found = action === 'place' && rules.locatesFirst && claims(place, object.id)
  if (!found) put(life, object, place, { begun, pay })
  if (!found && chance.keeper.chance(scenario.faults.crash)) {
    life.note(() => `the loop dies after ${object.id} was put into ${vault}`)
    object.repairing = true
    whenAwake(life, life.now + HOUR, () => {
      object.repairing = false
      consider(life, object)
    })
    return 'died'
  }
  record(life, object, known)
  const shown = challenge(life, object, known, 'all', pay)
  if (found && shown.verdict !== 'intact') {
    put(life, object, place, { begun, pay })
    record(life, object, known)
    challenge(life, object, known, 'all', pay)
  }
  return found ? 'found' : 'stored'
}

/** The vault takes the bytes and their price, unless it has them already and nothing else was asked for. */
function put(life: Life, object: Kept, place: Place, { begun, pay }: Bringing): void {
  if (!object.spooled) return
  const price = object.blocks * place.putPrice
  life.checker.paid(place, object, begun)
  life.checker.written(place, object, object.spooled)
  pay(place, price)
  const { term, termDays = Number.POSITIVE_INFINITY } = place.profile
  const expiresAt = term === 'renewable' ? life.now + termDays * DAY : Number.POSITIVE_INFINITY
  const copy = store(place, object.id, { blocks: object.spooled, expiresAt })
  watchExpiry(life, object, place, copy)
  if (place.lying) dropLater(life, place, object.id)
}

export function intend(object: Kept, vault: string): Known {
  const known: Known = {
    vault,
    state: 'intended',
    located: false,
    rows: [],
    unanswered: [],
    rotation: undefined,
    plan: 0,
    expiresAt: Number.POSITIVE_INFINITY,
  }
  object.replicas.set(vault, known)
  return known
}

/** What was known of the bytes that were there before says nothing of those that are there now. */
function record(life: Life, object: Kept, known: Known): void {
  const { rules, scenario } = life
  Object.assign(known, { state: 'placed', located: true, rows: [], unanswered: [], rotation: undefined })
  learnTerm(life, object, known)
  planAudit(
    life,
    object,
    known,
    rules.dueAt({ name: `${object.id} ${known.vault}`, lastAt: life.now, maxAgeDays: scenario.policy.evidence.maxAgeDays }),
  )
}

/** The first placement: from the spool, right after the put. */
export function firstPlacement(life: Life, object: Kept): void {
  const pay = () => undefined
  for (const step of placed(life, object, { held: new Set(), excluded: new Map() })) bring(life, object, step, { begun: life.now, pay })
  if (judge(life, object).floorHeld) object.spooled = undefined
}
