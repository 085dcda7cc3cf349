/** `perdure vault list`, `perdure vault test` and `perdure vault reset` */
import type { Command } from 'commander'
import type { VaultCheck, VaultProfile } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { viewError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, formatDuration, printable } from '../format.ts'
import type { Style } from '../style.ts'

export function vaultCommand(program: Command, run: Run): void {
  const vault = program.command('vault').description('list and try the vaults')
  vault.command('list').description('the vaults of this archive').action(run(list))
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
}

async function list(context: CommandContext): Promise<ExitCode> {
  const { vaults } = await context.archive()
  const show = (style: Style) => columns([...vaults.map((profile) => row(profile, style))])
  await context.reporter.result({ vaults }, { lines: show, quiet: show })
  return EXIT.ok
}

function row(profile: VaultProfile, style: Style): string[] {
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
