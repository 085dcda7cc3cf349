/** `perdure recover --from VAULT` */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Excerpt, FreshnessCheck, Policy, Receipt, RecoverEvent, RecoverReport } from '../../contracts.ts'
import { FormatError } from '../../errors.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import { gather, identityOption } from '../options.ts'
import type { Progress } from '../progress.ts'
import { readSecretFile } from '../secret-file.ts'
import type { Style } from '../style.ts'

const KEY_LIMIT = 4_096
const RECEIPT_LIMIT = 64 * 1024 * 1024
const CHECKPOINT_LIMIT = 64 * 1024
const SHOWN = 20

interface Options {
  readonly from?: readonly string[]
  readonly archive?: string
  readonly key?: string
  readonly receipt?: readonly string[]
  readonly checkpoint?: readonly string[]
  readonly acceptRollback?: boolean
  readonly merge?: boolean
  readonly adopt: boolean
}

export function recoverCommand(program: Command, run: Run): void {
  program
    .command('recover')
    .description('bring the catalog back from vaults after the machine was lost; the same command again goes on')
    .option('--from <vault>', 'a vault to read (repeatable); default all that can list', gather)
    .option('--archive <multikey>', 'whose records to take (z6Mk…), where several archives lie in a vault')
    .option(
      '--key <file>',
      'the archive.key that was kept elsewhere; without it a new key is made, and that it goes on from the old one is not provable',
    )
    .option('--receipt <file>', 'a receipt that was kept elsewhere, to notice vaults that show an older state (repeatable)', gather)
    .option('--checkpoint <file>', 'a checkpoint of the log that was kept elsewhere, for the same (repeatable)', gather)
    .option('--accept-rollback', 'go on from the older state that the vaults show, when a newer one is known to have been')
    .option('--merge', 'take an archive of another key over into a catalog that holds objects already')
    .option('--no-adopt', 'only report packs that no record names; do not make their blocks known')
    .addOption(identityOption())
    .action(run(recover))
}

async function recover(context: CommandContext, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const key = options.key === undefined ? undefined : await keyText(context, options.key)
  const receipts = await Promise.all((options.receipt ?? []).map((file) => readReceipt(context, file)))
  const checkpoints = await Promise.all((options.checkpoint ?? []).map((file) => readCheckpoint(context, file)))
  const config = await context.archiveConfig()
  const { recoverArchive } = await import('../../archive.ts')
  const { from, archive, merge, adopt, acceptRollback } = options
  const given = { from, archive, key, merge, adopt, acceptRollback, receipts, checkpoints }
  const report = await recoverArchive(config, { ...given, signal, onProgress: onRecover(reporter.progress) })
  await reporter.result(report, { lines: (style) => lines(report, config.policy, style), quiet: (style) => failedChecks(report, style) })
  return exitCodeOf(report)
}

async function keyText({ cwd, reporter }: CommandContext, file: string): Promise<string> {
  const { bytes } = await readSecretFile(resolve(cwd, file), {
    what: 'the signing key',
    limit: KEY_LIMIT,
    warn: (text) => reporter.note(text),
  })
  return Buffer.from(bytes).toString()
}

async function readCheckpoint({ cwd }: CommandContext, file: string): Promise<string> {
  const { bytes } = await readSecretFile(resolve(cwd, file), { what: 'the checkpoint', limit: CHECKPOINT_LIMIT, warn: async () => {} })
  return Buffer.from(bytes).toString()
}

async function readReceipt({ cwd }: CommandContext, file: string): Promise<Receipt> {
  const { bytes } = await readSecretFile(resolve(cwd, file), { what: 'the receipt', limit: RECEIPT_LIMIT, warn: async () => {} })
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Receipt
  } catch (cause) {
    throw new FormatError('malformed', `${file} is not a receipt: it is not JSON`, { cause })
  }
}

/** 6 something newer is known than the vaults show, 4 a vault could not be read, 3 something is missing or was refused. */
function exitCodeOf({ freshness, from, incomplete, unread, refused, headers }: RecoverReport): ExitCode {
  if (freshness.state === 'rolled-back' || freshness.state === 'forked') return EXIT.atRisk
  if (from.some(({ error }) => error !== undefined)) return EXIT.unknown
  return incomplete.count + unread.count + refused.count + headers.remaining.length > 0 ? EXIT.degraded : EXIT.ok
}

function lines(report: RecoverReport, configured: unknown, style: Style): string[] {
  const { restored, updated, kept, removed, shredded, packs, from } = report
  const parts = [
    count(restored, 'object'),
    ...(updated > 0 ? [`${updated} brought forward`] : []),
    ...(kept > 0 ? [`${kept} there already`] : []),
    ...(removed > 0 ? [`${removed} removed as tombstones say`] : []),
    ...(shredded > 0 ? [`${shredded} shredded`] : []),
  ]
  return [
    `${style.green('recovered')}  ${parts.join(', ')}, ${count(packs, 'pack')}`,
    ...from.map(({ vault, indexPacks, contentPacks, error }) =>
      error === undefined
        ? style.dim(`  from ${printable(vault)}: ${count(indexPacks, 'index pack')}, ${count(contentPacks, 'content pack')}`)
        : `  ${style.red('not read')}  ${printable(error)}`,
    ),
    ...placeLines(report, style),
    ...keyLines(report, style),
    ...freshnessLines(report, style),
    ...troubleLines(report, style),
    ...noteLines(report, configured, style),
    '  Nothing is believed of the replicas yet: `perdure verify` asks them.',
  ]
}

function placeLines({ replicas, unconfigured }: RecoverReport, style: Style): string[] {
  const known = Object.entries(replicas).map(([vault, packs]) => `${printable(vault)} ${packs}`)
  return [
    ...(known.length > 0 ? [style.dim(`  replicas by claim: ${known.join(', ')}`)] : []),
    ...Object.entries(unconfigured).map(
      ([vault, packs]) =>
        `  ${style.yellow('note')}  records name ${count(packs, 'replica')} in ${printable(vault)}, which is not configured; configure it and recover again`,
    ),
  ]
}

function keyLines({ archive, key, publicKey, succeeds, others }: RecoverReport, style: Style): string[] {
  const who = style.dim(`  archive ${printable(archive)}`)
  const strangers = others.map((other) =>
    style.dim(`  also there, and left alone: ${printable(other.archive)} (${count(other.records, 'record')})`),
  )
  if (succeeds === undefined) return [who, ...strangers]
  const how = key === 'new' ? 'a new signing key was made' : 'another key signs from now on'
  return [
    who,
    `  ${style.yellow('note')}  ${how}, ${printable(publicKey)}. It says that it goes on from the old one; nothing can prove that to others`,
    ...strangers,
  ]
}

function freshnessLines({ freshness, halted }: RecoverReport, style: Style): string[] {
  const { state, checks } = freshness
  if (state === 'unproven')
    return [
      `  freshness: ${style.yellow('unproven')}: nothing from outside was compared; --checkpoint FILE, --receipt FILE or another --from would tell`,
    ]
  const paint = state === 'as-known' ? style.green : style.red
  return [
    `  freshness: ${paint(state)}`,
    ...atMost(
      SHOWN,
      checks.filter(({ holds }) => !holds),
      (check) => checkLine(check, style),
    ),
    ...(halted ? [HALTED] : []),
  ]
}

const HALTED = '  Nothing was signed or published: recover from vaults that show the newer state, or accept this one with --accept-rollback'

const checkLine = ({ kind, of, detail }: FreshnessCheck, style: Style): string =>
  `    ${style.red(kind)} ${printable(of)}: ${printable(detail)}`

const failedChecks = ({ freshness }: RecoverReport, style: Style): string[] =>
  freshness.state === 'rolled-back' || freshness.state === 'forked'
    ? freshness.checks.filter(({ holds }) => !holds).map((check) => checkLine(check, style))
    : []

function troubleLines(report: RecoverReport, style: Style): string[] {
  const { incomplete, unread, refused, forked, headers } = report
  return [
    ...some(incomplete, `  ${style.red('incomplete')}  `, ({ root, missing, reason }) => `${root}: ${[reason, ...missing].join(' ')}`),
    ...some(unread, `  ${style.yellow('damaged')}  `, ({ vault, pack, reason }) => `index pack ${pack} in ${vault}: ${reason}`),
    ...some(refused, `  ${style.yellow('refused')}  `, ({ statement, reason }) => `${statement}: ${reason}`),
    ...some(forked, `  ${style.yellow('forked')}  `, (root) => `${root} has two newest records: two copies of the archive were at work`),
    ...atMost(
      SHOWN,
      headers.remaining,
      ({ vault, pack, reason }) => `  ${style.red('shredded, but there')}  ${printable(`${pack} in ${vault}: ${reason}`)}`,
    ),
  ]
}

function noteLines({ orphans, fingerprints, headers, policy }: RecoverReport, configured: unknown, style: Style): string[] {
  return [
    ...some(
      orphans,
      `  ${style.yellow('orphan')}  `,
      ({ pack, byteLength, vaults, reason }) => `${pack} (${formatBytes(byteLength)}) in ${vaults.join(', ')}: ${reason}`,
    ),
    ...(headers.deleted > 0 ? [style.dim(`  ${count(headers.deleted, 'header pack')} of shredded objects found and deleted`)] : []),
    ...(fingerprints === 'unopened'
      ? [`  ${style.yellow('note')}  no identity opened the secret of opaque names; with --identity the same command restores it`]
      : []),
    ...(policy && configured === undefined ? [style.dim(`  the records ask for: ${policyWords(policy)}`)] : []),
  ]
}

const policyWords = ({ copies, floor }: Policy): string => `copies ${copies}, floor ${floor} (--json has all of it)`

function some<T>({ count: all, first }: Excerpt<T>, prefix: string, line: (item: T) => string): string[] {
  const shown = first.slice(0, SHOWN).map((item) => `${prefix}${printable(line(item))}`)
  return all > shown.length ? [...shown, `${prefix}… and ${all - shown.length} more`] : shown
}

function onRecover(progress: Progress): (event: RecoverEvent) => void {
  return (event) => {
    if (event.type === 'listed')
      progress.line(`${event.vault} lists ${count(event.indexPacks, 'index pack')}, ${count(event.contentPacks, 'content pack')}`)
    if (event.type === 'index-pack-read') progress.phase('reading index packs')
    if (event.type === 'object-restored') progress.phase('restoring')
  }
}
