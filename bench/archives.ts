/** Archives under test: each verb is one process that imports the built library. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PerdureError } from '../src/errors.ts'
import type { BenchContext } from './bench.ts'
import type { Usage } from './children/usage.ts'
import type { Orders, Outcome } from './children/verb.ts'
import { childScript, measured, ran } from './processes.ts'

type Verb = 'open' | 'put' | 'putAll' | 'restore' | 'get' | 'verify'
type Wishes = Omit<Orders, 'archive' | 'vault'>

export interface TestArchive {
  /** Runs the verb in a process of its own; the time is the whole process. Throws when an object ends less than satisfied. */
  run(verb: Verb, wishes?: Wishes): Promise<Outcome & { readonly ms: number }>
  /** The same, with what the process used; slower. */
  measure(verb: Verb, wishes?: Wishes): Promise<Outcome & { readonly usage: Usage }>
  remove(): Promise<void>
}

/** A new archive with one directory vault, both in that folder. */
export async function newArchive(context: BenchContext, folder: string): Promise<TestArchive> {
  const base = await mkdtemp(join(folder, 'archive-'))
  const script = await childScript(context, 'verb')
  const args = (verb: Verb, wishes: Wishes) => {
    const orders: Orders = { ...wishes, archive: join(base, 'archive'), vault: join(base, 'vault') }
    return [script, context.door, verb, JSON.stringify(orders)]
  }
  return {
    async run(verb, wishes = {}) {
      const { ms, stdout } = await ran(process.execPath, args(verb, wishes), context)
      return { ...outcomeOf(stdout), ms }
    },
    async measure(verb, wishes = {}) {
      const { stdout, usage } = await measured(context, args(verb, wishes))
      return { ...outcomeOf(stdout), usage }
    },
    remove: () => rm(base, { recursive: true, force: true }),
  }
}

function outcomeOf(stdout: string): Outcome {
  const outcome = JSON.parse(stdout) as Outcome
  const states = [outcome.state, ...(outcome.checks ?? []).map(({ state }) => state)].filter((state) => state !== undefined)
  const bad = states.find((state) => state !== 'satisfied')
  if (bad !== undefined) throw new PerdureError('bench-invalid', `an object ended ${bad}, so the time of this run says nothing`)
  return outcome
}
