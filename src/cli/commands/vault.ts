/** `perdure vaults`, `perdure vault list`, `perdure vault test`, `perdure vault reset` and `perdure vault release` */
import type { Command } from 'commander'
import type { VaultCheck, VaultProfile, VaultScore } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { viewError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, formatDuration, printable } from '../format.ts'
import type { Style } from '../style.ts'

export function vaultCommand(program: Command, run: Run): void {
  const vault = program.command('vault').description('list and try the vaults')
  const what = 'the vaults of this archive, and what our own audits say of them'
  vault.command('list').description(what).action(run(list))
  program.command('vaults').description(`${what}; the same as \`vault list\``).action(run(list))
  vault
    .command('test')
    .description('store, find, read back and remove a small pack of random bytes')
    .argument('[id]', 'one vault; default all of them')
    .action(run(test))
  vault
    .command('reset')
    .description('start anew with a vault that is gone for good: forget what it held, delete nothing, let repair place again')
    .argument('<id>', 'the vault')
    .action(run(reset))
  vault
    .command('release')
    .description('end the quarantine of a vault that gave wrong bytes, without a clean survey')
    .argument('<id>', 'the vault')
    .action(run(release))
}

async function list(context: CommandContext): Promise<ExitCode> {
  const archive = await context.archive()
  const scores = new Map((await archive.scores()).map((score) => [score.vault, score]))
  const vaults = archive.vaults.map((profile) => ({ profile, score: scores.get(profile.id) }))
  const show = (style: Style) => columns(vaults.map(({ profile, score }) => row(profile, score, style)))
  const document = { vaults: vaults.map(({ profile, score }) => ({ ...profile, ...(score && { score: scoreShown(score) }) })) }
  await context.reporter.result(document, { lines: show, quiet: show })
  return EXIT.ok
}

const iso = (at: number) => new Date(at).toISOString()

function scoreShown({ vault: _, updatedAt, quarantine, ...score }: VaultScore) {
  return {
    ...score,
    updated: iso(updatedAt),
    ...(quarantine && { quarantine: { since: iso(quarantine.since), reason: quarantine.reason } }),
  }
}

function scoreText(score: VaultScore | undefined, style: Style): string {
  if (!score) return style.dim('not audited yet')
  const { quarantine, integrity, availability, latencyMs } = score
  if (quarantine) return style.red(`quarantined since ${iso(quarantine.since).slice(0, 10)}: ${printable(quarantine.reason)}`)
  const pace = latencyMs === undefined ? '' : `, ${formatDuration(latencyMs)} a read`
  return `integrity ${integrity.toFixed(3)}, availability ${availability.toFixed(3)}${pace}`
}

function row(profile: VaultProfile, score: VaultScore | undefined, style: Style): string[] {
  const traits = [
    profile.region,
    profile.jurisdiction,
    profile.term,
    profile.paid && 'paid',
    profile.cold && 'cold',
    !profile.canForget && 'cannot forget',
  ]
  return [
    printable(profile.id),
    printable(profile.network),
    printable(profile.operator),
    scoreText(score, style),
    style.dim(printable(traits.filter(Boolean).join(', '))),
  ]
}

async function test(context: CommandContext, id: string | undefined): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  const report = reporter.list<VaultCheck>('vaults', {}, { lines: (check, style) => lines(check, style) })
  let ok = true
  for (const vault of id === undefined ? archive.vaults.map((profile) => profile.id) : [id]) {
    const check = await tryVault(() => archive.testVault(vault, { signal }), vault, { signal, rethrow: id !== undefined })
    ok &&= check.ok
    await report.item(check)
  }
  await report.end({ ok })
  return ok ? EXIT.ok : EXIT.failed
}

async function reset(context: CommandContext, id: string): Promise<ExitCode> {
  const archive = await context.archive()
  const done = await archive.resetVault(id, { signal: context.signal })
  const lines = [`forgot ${done.replicas} replicas of ${printable(id)}; \`perdure repair\` places again what is missing there`]
  await context.reporter.result(done, { lines: () => lines, quiet: () => [] })
  return EXIT.ok
}

async function release(context: CommandContext, id: string): Promise<ExitCode> {
  const done = await (await context.archive()).releaseVault(id)
  const line = done.wasQuarantined
    ? `${printable(id)} is out of quarantine; new packs go there again`
    : `${printable(id)} was not quarantined`
  await context.reporter.result(done, { lines: () => [line], quiet: () => [] })
  return EXIT.ok
}

/** Of several vaults, one that cannot even be tried does not keep the others from being tried. */
async function tryVault(
  work: () => Promise<VaultCheck>,
  vault: string,
  { signal, rethrow }: { readonly signal: AbortSignal; readonly rethrow: boolean },
): Promise<VaultCheck> {
  try {
    return await work()
  } catch (error) {
    if (rethrow || signal.aborted) throw error
    return { vault, ok: false, steps: [{ name: 'test', ok: false, ms: 0, detail: viewError(error).message }] }
  }
}

function lines({ vault, ok, labels = {}, steps }: VaultCheck, style: Style): string[] {
  const found = Object.entries(labels).map(([name, value]) => `${name} ${value}`)
  const rows = steps.map((step) => [
    `  ${step.ok ? style.green('✓') : style.red('✗')} ${printable(step.name)}`,
    formatDuration(step.ms),
    printable(step.detail ?? ''),
  ])
  const head = `${ok ? style.green('works') : style.red('fails')}  ${printable(vault)}`
  return [found.length === 0 ? head : `${head}  ${style.dim(printable(found.join(', ')))}`, ...columns(rows)]
}
