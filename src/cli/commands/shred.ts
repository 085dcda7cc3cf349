/** `perdure shred ROOT` */
import type { Command } from 'commander'
import type { RemainingCopy, ShredCertificate, ShredEvent, ShredVault } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import { parseRoot } from '../reference.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

export function shredCommand(program: Command, run: Run): void {
  program
    .command('shred')
    .description(
      'delete every copy of an erasable object’s headers, so that nobody can open it, and certify what came of it; cannot be undone',
    )
    .argument('<root>', 'an object that was put with --erasable')
    .action(run(shred))
}

async function shred({ archive, reporter, signal }: CommandContext, text: string): Promise<ExitCode> {
  const root = parseRoot(text)
  const onProgress = (event: ShredEvent) => {
    if (event.type === 'header-asked' && event.report.standing !== 'absent') reporter.progress.line(vaultLine(event.report))
  }
  const certificate = await (await archive()).shred(root, { signal, onProgress })
  const view = (style: Style) => certificateLines(certificate, style)
  await reporter.result(certificate, { lines: view, quiet: () => [] })
  return exitCodeOfShred(certificate)
}

/** 0 complete, 1 a vault has it still, 4 something could not be asked. */
function exitCodeOfShred({ state, vaults }: ShredCertificate): ExitCode {
  if (state === 'complete') return EXIT.ok
  return vaults.some(({ standing }) => standing === 'held') ? EXIT.failed : EXIT.unknown
}

/** A certificate for a person. */
export function certificateLines(certificate: ShredCertificate, style: Style): string[] {
  const { state, root, headers, readableAs, vaults, remaining, excluded, issued } = certificate
  const paint = state === 'complete' ? style.green : style.yellow
  const absent = vaults.filter(({ standing }) => standing === 'absent')
  const others = vaults.filter(({ standing }) => standing !== 'absent')
  return [
    `${paint(state === 'complete' ? 'shredded' : 'not complete')}  ${printable(root)}  ${style.dim(`${count(headers.length, 'header pack')}, ${printable(issued)}`)}`,
    ...absentLines(absent),
    ...others.map((one) => `  ${style.red(one.standing)}  ${vaultLine(one)}`),
    ...(state === 'complete' ? [] : ['  Run the same command again to finish.']),
    ...readableAs.map((other) => `  ${style.yellow('readable')}  the same content, for other recipients, as ${printable(other)}`),
    ...(remaining.length === 0 ? [] : ['  Ciphertext that remains, and that nobody opens without a header:']),
    ...atMost(20, remaining, (copy) => `    ${where(copy)} (${formatBytes(copy.byteLength)}): ${keptWords(copy)}`),
    '  Not excluded:',
    ...excluded.map((sentence) => `    ${printable(sentence)}`),
  ]
}

const absentLines = (vaults: readonly ShredVault[]): string[] =>
  [...Map.groupBy(vaults, ({ vault }) => vault)].map(
    ([vault, of]) =>
      `  ${printable(vault)} reported absence ${printable(
        of
          .map(({ at }) => at)
          .sort()
          .at(-1) ?? '',
      )}`,
  )

const vaultLine = ({ vault, pack, standing, detail }: ShredVault): string => `${where({ vault, pack })}: ${printable(detail ?? standing)}`

function keptWords({ kept }: RemainingCopy): string {
  if (kept === 'until-removed') return 'until `perdure rm`'
  return kept === 'for-ever' ? 'for ever, as far as perdure can tell' : `at least until ${printable(kept)}`
}
