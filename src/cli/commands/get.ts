/** `perdure get ROOT[/path] -o PATH` */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Archive, RestoreEvent, RestoreReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { count, formatBytes, printable } from '../format.ts'
import { identityOption } from '../options.ts'
import type { Progress } from '../progress.ts'
import { parseReference, type Reference } from '../reference.ts'
import type { Style } from '../style.ts'
import { xattrLines } from '../views.ts'

interface Options {
  readonly output: string
  readonly overwrite?: boolean
  readonly owner?: boolean
  readonly xattrs?: boolean
}

export function getCommand(program: Command, run: Run): void {
  program
    .command('get')
    .description('write an object, or a part of one, to disk; every block is checked, and a second call finishes what a first one left')
    .argument('<root[/path]>', 'what to get')
    .requiredOption('-o, --output <path>', 'where to; a file goes into it when it is a folder or ends with /')
    .option('--overwrite', 'replace files whose content differs')
    .option('--owner', 'give files the user and group ids that were kept of them')
    .option('--xattrs', 'give files the extended attributes that were kept of them; takes the package fs-xattr')
    .addOption(identityOption())
    .action(run(get))
}

async function get(context: CommandContext, text: string, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  if (options.output === '-') throw new UsageError('get writes files; `perdure cat` writes to standard output')
  const reference = parseReference(text)
  const archive = await context.archive()
  const target = await targetOf(archive, reference, { output: options.output, cwd: context.cwd, signal })
  const report = await archive.restore(reference.root, target, {
    signal,
    path: reference.path,
    overwrite: options.overwrite ?? false,
    owner: options.owner,
    xattrs: options.xattrs,
    onProgress: onRestore(reporter.progress),
  })
  await reporter.result(report, { lines: (style) => lines(report, style) })
  return EXIT.ok
}

/** A directory becomes the target itself; a file goes into a target that is a folder, under its own name, as cp does it. */
async function targetOf(
  archive: Archive,
  { root, path }: Reference,
  { output, cwd, signal }: { readonly output: string; readonly cwd: string; readonly signal: AbortSignal },
): Promise<string> {
  const target = resolve(cwd, output)
  if (!/[/\\]$/.test(output) && !(await isFolder(target))) return target
  for await (const first of archive.entries(root, { path, signal })) {
    if (first.kind === 'directory') return target
    const { name } = await archive.status(root, { signal })
    return join(target, plainName(path ?? name) ?? root)
  }
  return target
}

/** The last segment of a path or stored name, unless it would lead out of the folder. */
function plainName(name: string | undefined): string | undefined {
  const last = name?.split(/[/\\]/).at(-1)
  return last === undefined || last === '' || last === '.' || last === '..' || last.includes('\0') ? undefined : last
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function lines(report: RestoreReport, style: Style): string[] {
  const reused = report.reused > 0 ? style.dim(` · ${count(report.reused, 'file')} there already, checked again`) : ''
  const first = `${style.green('restored')}  ${count(report.files, 'file')}, ${formatBytes(report.byteLength)}, to ${printable(report.target)}${reused}`
  const notes = [...report.warnings, ...xattrLines(report.xattrs?.refusals ?? [], report.xattrs?.refused ?? 0)]
  return [first, ...notes.map((note) => `  ${style.yellow('note')}  ${printable(note)}`)]
}

function onRestore(progress: Progress): (event: RestoreEvent) => void {
  return (event) => {
    if (event.type !== 'bytes-restored') return
    progress.phase('restoring', event.total)
    progress.advance(event.byteLength)
  }
}
