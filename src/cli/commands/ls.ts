/** `perdure ls [ROOT[/path]]` */
import type { Command } from 'commander'
import type { ObjectSummary, TreeEntry } from '../../contracts.ts'
import { encodeXattrs } from '../../format/xattrs.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { formatBytes, printable } from '../format.ts'
import { identityOption } from '../options.ts'
import { parseReference } from '../reference.ts'
import { paintState, type Style } from '../style.ts'
import { nameOf } from '../views.ts'

interface Options {
  readonly long?: boolean
}

export function lsCommand(program: Command, run: Run): void {
  program
    .command('ls')
    .description('list the objects of the archive, or the entries of one object')
    .argument('[root[/path]]', 'an object, or a folder in it')
    .option('-l, --long', 'with state, size, kind and time')
    .addOption(identityOption())
    .action(
      run((context, text: string | undefined, options: Options) =>
        text === undefined ? objects(context, options) : entries(context, text, options),
      ),
    )
}

async function objects({ archive, reporter, signal }: CommandContext, { long = false }: Options): Promise<ExitCode> {
  const list = reporter.list<ObjectSummary>('objects', {}, { lines: (object, style) => [objectRow(object, long, style)], asked: true })
  for await (const object of (await archive()).objects({ signal })) await list.item(object)
  await list.end({})
  return EXIT.ok
}

async function entries({ archive, reporter, signal }: CommandContext, text: string, { long = false }: Options): Promise<ExitCode> {
  const { root, path } = parseReference(text)
  const head = { root, ...(path === undefined ? {} : { path }) }
  const list = reporter.list<ReturnType<typeof plainEntry>>('entries', head, {
    lines: (entry, style) => entryRows(entry, long, style),
    asked: true,
  })
  for await (const entry of (await archive()).entries(root, { path, signal })) await list.item(plainEntry(entry))
  await list.end({})
  return EXIT.ok
}

/** An entry as JSON can hold it. */
function plainEntry({ cid, mtime, xattrs, ...entry }: TreeEntry) {
  return {
    ...entry,
    cid: cid.toString(),
    ...(mtime === undefined ? {} : { mtime: timeOf(mtime) }),
    ...(xattrs === undefined ? {} : { xattrs: encodeXattrs(xattrs) }),
  }
}

/** ISO 8601 to the millisecond, or the seconds themselves where no calendar reaches. */
function timeOf({ secs, nsecs = 0 }: NonNullable<TreeEntry['mtime']>): string {
  const ms = Number(secs) * 1000 + Math.floor(nsecs / 1e6)
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${secs} s`
}

function objectRow(object: ObjectSummary, long: boolean, style: Style): string {
  const name = nameOf(object)
  if (!long) return `${object.root}  ${name}`.trimEnd()
  const size = formatBytes(object.byteLength).padStart(10)
  return `${paintState(object.state, style)}${' '.repeat(10 - object.state.length)} ${size}  ${style.dim(object.created)}  ${object.root}  ${name}`.trimEnd()
}

function entryRows(entry: ReturnType<typeof plainEntry>, long: boolean, style: Style): string[] {
  const mark = entry.kind === 'directory' ? '/' : ''
  const target = entry.kind === 'symlink' && entry.target !== undefined ? ` -> ${printable(entry.target)}` : ''
  const path = printable(entry.path === '' ? '.' : entry.path)
  if (!long) return entry.path === '' && entry.kind === 'directory' ? [] : [`${path}${mark}`]
  const mode = entry.mode === undefined ? '   -' : entry.mode.toString(8).padStart(4, '0')
  const size = (entry.kind === 'file' ? formatBytes(entry.byteLength) : '-').padStart(10)
  return [`${mode} ${size}  ${style.dim(entry.mtime ?? '-'.padEnd(24))}  ${entry.cid}  ${path}${mark}${target}`]
}
