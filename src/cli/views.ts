/** Reports as lines for a person. Pure; everything from outside passes through `printable`. */
import type { Missing, ObjectReport, ObjectState, ReplicaReport, RetainReport, Verdict, XattrProblem } from '../contracts.ts'
import { atMost, columns, count, formatBytes, printable, short } from './format.ts'
import { paintState, paintVerdict, type Style } from './style.ts'

/** How many extended attributes are told of by name. */
export const MAX_PROBLEMS = 20

/** `satisfied  bafy…  12.3 MiB  photos`. */
export function objectLine(
  object: { state: ObjectState; root: string; byteLength: number; name?: string; sealed?: true; shredded?: ObjectReport['shredded'] },
  style: Style,
): string {
  const shown = nameOf(object)
  const name = shown === '' ? '' : `  ${shown}`
  return `${paintState(object.state, style)}  ${printable(object.root)}  ${style.dim(formatBytes(object.byteLength))}${name}`
}

/** The name, `(sealed)` where it is sealed and no identity opens it, `(shredded)` where nobody can open it any more, or nothing. */
export function nameOf(object: {
  readonly name?: string
  readonly sealed?: true
  readonly shredded?: ObjectReport['shredded'] | string
}): string {
  const { name, sealed, shredded } = object
  if (shredded !== undefined) return typeof shredded === 'string' || shredded.complete ? '(shredded)' : '(shredded, not everywhere yet)'
  return name === undefined ? (sealed ? '(sealed)' : '') : printable(name)
}

/** One line per vault, then one per replica that is not intact. */
export function replicaLines(replicas: readonly ReplicaReport[], style: Style): string[] {
  const byVault = Map.groupBy(replicas, (replica) => replica.vault)
  const rows = [...byVault].map(([vault, of]) => [`  ${printable(vault)}`, verdicts(of, style), style.dim(evidence(of))])
  const faults = replicas.filter((replica) => replica.verdict !== 'intact' && (byVault.get(replica.vault)?.length ?? 0) > 1)
  const line = (replica: ReplicaReport) =>
    `    ${paintVerdict(replica.verdict, style)}  ${where(replica)}${replica.detail === undefined ? '' : `: ${printable(replica.detail)}`}`
  return [...columns(rows), ...atMost(20, faults, line)]
}

/** `pack bafyrei…abc in vault`. */
export function where({ pack, vault }: { readonly pack: string; readonly vault?: string }): string {
  return `pack ${short(pack)}${vault === undefined ? '' : ` in ${printable(vault)}`}`
}

/** What is missing, one sentence each. */
export function missingLines(missing: readonly Missing[], style: Style): string[] {
  return missing.map(
    ({ constraint, wanted, found, reason }) => `  ${style.yellow(`${printable(constraint)} ${found} of ${wanted}`)}  ${printable(reason)}`,
  )
}

/** What was asked to be retained, in one line; none where nothing was. */
export function retainLines(retain: RetainReport | undefined): string[] {
  if (!retain) return []
  const mode = retain.mode === undefined ? '' : ` (${retain.mode})`
  return [`  retained until ${printable(retain.until)}${mode}${retain.legalHold ? ', with a legal hold' : ''}`]
}

/** Extended attributes that were not kept or not set: the first of them, and how many there are. Not yet `printable`. */
export function xattrLines(problems: readonly XattrProblem[], total: number): string[] {
  const lines = problems.slice(0, MAX_PROBLEMS).map(({ path, name, reason }) => `${name} of ${path === '' ? '.' : path}: ${reason}`)
  const more = total - lines.length
  return more > 0 ? [...lines, `… and ${count(more, 'extended attribute')} more`] : lines
}

function verdicts(replicas: readonly ReplicaReport[], style: Style): string {
  const counts = new Map<Verdict, number>()
  for (const { verdict } of replicas) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  return [...counts]
    .map(([verdict, times]) => (replicas.length === 1 ? paintVerdict(verdict, style) : `${times} ${paintVerdict(verdict, style)}`))
    .join(', ')
}

function evidence(replicas: readonly ReplicaReport[]): string {
  const [first] = replicas
  if (first === undefined) return ''
  const words = [first.network === first.operator ? first.network : `${first.network}/${first.operator}`]
  if (replicas.length > 1) words.push(count(replicas.length, 'pack'))
  if (replicas.every(({ retrieval }) => retrieval === first.retrieval) && first.retrieval !== 'none') words.push(first.retrieval)
  const asked = replicas.reduce((sum, replica) => sum + (replica.asked ?? 0), 0)
  const answered = replicas.reduce((sum, replica) => sum + (replica.answered ?? 0), 0)
  const bytes = replicas.reduce((sum, replica) => sum + (replica.bytesRead ?? 0), 0)
  if (asked > 0) words.push(`${answered} of ${count(asked, 'block')} read (${formatBytes(bytes)})`)
  if (replicas.length === 1 && first.detail !== undefined) words.push(first.detail)
  return printable(words.join(' · '))
}
