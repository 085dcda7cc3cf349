/** What a survey finds wrong is evidence of that replica at once, and names the objects that it hits. */
import type { PackRow, SurveyLoss, SurveyOptions, SurveyProbe, SurveyRow, Vault } from '../contracts.ts'
import type { SurveyAnswer } from '../policy/survey.ts'
import { reassessPack } from './assess.ts'
import { MAX_OPEN } from './challenge.ts'
import { type Context, tell } from './context.ts'
import { recordEvidence } from './events.ts'
import { spansAt } from './spans.ts'

/** Objects that are named for one block. */
const NAMED = 20

interface Found {
  readonly vault: Vault
  readonly survey: SurveyRow
  readonly pack: PackRow | undefined
  readonly probes: readonly SurveyProbe[]
  readonly answers: readonly SurveyAnswer[]
  readonly bytes: number
  readonly detail: string | undefined
  readonly options: SurveyOptions
}

/** Records damage and absence, keeps the spans open for every later challenge, and judges the pack's objects anew. */
export async function recordLoss(context: Context, { vault, survey, pack, probes, answers, bytes, detail, options }: Found): Promise<void> {
  const outcomes = new Map(answers.map(({ number, outcome }) => [number, outcome]))
  const lost = probes.filter(({ number }) => outcomes.get(number) === 'damaged' || outcomes.get(number) === 'missing')
  if (!pack || lost.length === 0) return
  const { catalog, clock } = context
  const { id } = vault.profile
  const now = clock()
  const damaged = lost.some(({ number }) => outcomes.get(number) === 'damaged')
  const open = await catalog.unansweredOf(pack.id, id)
  const known = new Set(open.map(({ ordinal }) => ordinal))
  const more = lost.filter(({ ordinal }) => !known.has(ordinal)).map(({ ordinal }) => ({ ordinal, since: now, tries: 0 }))
  await recordEvidence(context, [
    {
      pack: pack.id,
      vault: id,
      object: 0,
      verdict: damaged ? 'damaged' : 'missing',
      possession: 'claimed',
      retrieval: 'sampled',
      at: now,
      seed: survey.seed,
      asked: answers.length,
      answered: answers.filter(({ outcome }) => outcome === 'intact' || outcome === 'damaged').length,
      bytesRead: bytes,
      detail,
      unanswered: [...more, ...open].slice(0, MAX_OPEN),
    },
  ])
  await reassessPack(context, pack.id)
  for (const probe of lost) {
    const outcome = outcomes.get(probe.number) === 'damaged' ? 'damaged' : 'missing'
    tell(options.onProgress, { type: 'loss-found', vault: id, loss: await lossOf(context, pack, probe, { outcome, detail }) })
  }
}

/** A lost block, with its name and its objects. */
export async function lossOf(
  context: Context,
  pack: PackRow,
  { ordinal }: Pick<SurveyProbe, 'ordinal'>,
  { outcome, detail }: { readonly outcome: SurveyLoss['outcome']; readonly detail?: string | undefined },
): Promise<SurveyLoss> {
  const span = (await spansAt(context, pack, [ordinal])).get(ordinal)
  const objects: string[] = []
  for (const id of await context.catalog.objectsAt(pack.id, ordinal, { limit: NAMED })) {
    const object = await context.catalog.objectById(id)
    if (object) objects.push(object.root.toString())
  }
  return { pack: pack.name.toString(), ordinal, cid: span?.cid.toString() ?? '', outcome, objects, ...(detail !== undefined && { detail }) }
}
