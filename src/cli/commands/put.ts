/** `perdure put PATH` */
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Profile, PutEvent, PutOptions, Receipt, Retention, RetentionMode, XattrProblem } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { type ExitCode, exitCodeOfPut } from '../exit-codes.ts'
import { count, formatBytes, printable } from '../format.ts'
import { gather, parseMoment } from '../options.ts'
import type { Progress } from '../progress.ts'
import type { Style } from '../style.ts'
import { MAX_PROBLEMS, missingLines, objectLine, replicaLines, retainLines, xattrLines } from '../views.ts'

/** What `--retain-until` and its companions say. */
export interface PutRetention {
  readonly retainUntil?: Date
  readonly retainMode?: RetentionMode
  readonly legalHold?: boolean
}

interface Options extends PutRetention {
  readonly name?: string
  readonly mediaType?: string
  readonly profile?: Profile
  readonly exclude?: readonly string[]
  readonly until: 'accepted' | 'floor' | 'policy'
  readonly erasable?: boolean
  readonly public?: boolean
  readonly reuse: boolean
  readonly trustMtime?: boolean
  readonly pad?: boolean
  readonly owner?: boolean
  readonly xattrs?: boolean
}

export function putCommand(program: Command, run: Run): void {
  program
    .command('put')
    .description('store a file or a directory, replicate it, and challenge every replica')
    .argument('<path>', 'file or directory; - reads standard input')
    .option('--name <name>', 'name to remember it by')
    .option('--media-type <type>', 'media type to remember')
    .addOption(new Option('--profile <profile>', 'UnixFS profile, which decides the root').choices(['unixfs-v1-2025', 'unixfs-v0-2015']))
    .option('--exclude <glob>', 'leave out what matches, by path or by name (repeatable)', gather)
    .option('--retain-until <date>', 'no replica may be deleted before, e.g. 2030-01-01; only vaults that can lock get one', parseMoment)
    .addOption(new Option('--retain-mode <mode>', 'may somebody with a special right end it early?').choices(['governance', 'compliance']))
    .option('--legal-hold', 'with --retain-until: kept beyond that date too, until the hold is lifted')
    .addOption(
      new Option('--until <moment>', 'return when every vault was handed it, when the floor holds, or when the whole plan was tried')
        .choices(['accepted', 'floor', 'policy'])
        .default('policy'),
    )
    .option('--erasable', 'keep the headers where they can be deleted, so that `perdure shred` can make it unreadable everywhere')
    .option('--public', 'store it in clear, although the configuration has recipients to seal for')
    .option('--no-reuse', 'seal and store everything anew, so that vaults cannot see what did not change')
    .option('--trust-mtime', 'do not read files again whose size, mtime, ctime and inode are what they were')
    .option('--pad', 'fill sealed files up with at most 12 % of zeros, to hide their exact sizes')
    .option('--owner', 'keep user and group ids in what is sealed')
    .option('--xattrs', 'keep extended attributes in what is sealed; takes the package fs-xattr')
    .action(run(put))
}

async function put(context: CommandContext, path: string, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  if (path === '') throw new UsageError('the path is empty; use - for standard input')
  const retain = retainOf(options)
  const archive = await context.archive()
  const fromStdin = path === '-'
  const unkept: Unkept = { count: 0, first: [] }
  const putOptions: PutOptions = {
    signal,
    until: options.until,
    name: options.name ?? (fromStdin ? undefined : basename(resolve(context.cwd, path))),
    mediaType: options.mediaType,
    profile: options.profile,
    exclude: options.exclude,
    erasable: options.erasable,
    public: options.public,
    reuse: options.reuse,
    trustMtime: options.trustMtime,
    padding: options.pad ? 'padme' : undefined,
    keepOwner: options.owner,
    xattrs: options.xattrs,
    retain,
    onProgress: onPut(reporter.progress, unkept),
  }
  const receipt = await archive.put(fromStdin ? context.stdin : resolve(context.cwd, path), putOptions)
  const shown = { ...receipt, ...(putOptions.name !== undefined && { name: putOptions.name }) }
  await reporter.result(receipt, { lines: (style) => receiptLines(shown, style), quiet: () => [receipt.root] })
  for (const line of xattrLines(unkept.first, unkept.count)) await reporter.note(`Not kept: ${printable(line)}`)
  if (receipt.visibility === 'public' && !options.public) {
    await reporter.advise(
      'Stored in public: whoever reaches a vault can read it. Recipients in perdure.json seal what is put (perdure key new); --public says that it is meant so.',
    )
  }
  if ((await context.config()).vaults === undefined && receipt.state === 'degraded') {
    await reporter.note(
      'One local copy only, so the object is degraded; add a vault on another disk: perdure init --vault directory:/other/disk',
    )
  }
  return exitCodeOfPut(receipt.complete, options.until)
}

export function retainOf({ retainUntil: until, retainMode: mode, legalHold }: PutRetention): Retention | undefined {
  if (until !== undefined) return { until, mode, legalHold }
  if (mode === undefined && !legalHold) return undefined
  throw new UsageError('--retain-mode and --legal-hold go with --retain-until, e.g. --retain-until 2030-01-01')
}

/** The object and where it lies now. */
export function receiptLines(receipt: Receipt, style: Style): string[] {
  const packs = receipt.packs.length === 0 ? 'nothing new to store' : count(receipt.packs.length, 'pack')
  return [
    objectLine(receipt, style) + style.dim(` · ${packs}`),
    ...replicaLines(receipt.replicas, style),
    ...retainLines(receipt.retain),
    ...missingLines(receipt.missing, style),
  ]
}

/** Extended attributes that were left out. */
interface Unkept {
  count: number
  readonly first: XattrProblem[]
}

/** Reading first, then every vault's transfer summed up: vaults work side by side. */
export function onPut(progress: Progress, unkept: Unkept): (event: PutEvent) => void {
  let toSend = 0
  return (event) => {
    if (event.type === 'bytes-read') {
      progress.phase('reading', event.total)
      progress.advance(event.byteLength)
    } else if (event.type === 'placing') {
      toSend += event.byteLength
      progress.phase('storing', toSend)
    } else if (event.type === 'bytes-sent') progress.advance(event.byteLength)
    else if (event.type === 'xattr-left-out') {
      if (unkept.count++ < MAX_PROBLEMS) unkept.first.push(event)
    } else if (event.type === 'placement-failed') progress.line(`${event.vault}: ${event.error.message}`)
    else if (event.type === 'sealed' && event.reusedBytes > 0) {
      const files = event.reusedFiles ? ` (${count(event.reusedFiles, 'file')})` : ''
      progress.line(`${formatBytes(event.reusedBytes)}${files} of ${printable(event.root)} were stored before and are not stored again`)
    }
  }
}
