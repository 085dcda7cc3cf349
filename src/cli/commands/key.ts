/** `perdure key new`, `perdure key show` and `perdure key import` */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { collect } from '../../bytes/collect.ts'
import { newKey } from '../../flow/age-keys.ts'
import { identityText } from '../../format/key-form.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { count, printable } from '../format.ts'
import { homeIdentityFile, IDENTITY_LIMIT, type IdentityFile, parseIdentityFile, readIdentityFile } from '../identities.ts'
import { protect } from '../protected.ts'
import { assertFree, writeSecretFile } from '../secret-file.ts'

const random = (byteLength: number) => new Uint8Array(randomBytes(byteLength))

const STDIN = 'standard input'

interface Destination {
  readonly output?: string
  readonly force?: boolean
}

interface NewOptions extends Destination {
  readonly passphrase?: boolean
  readonly hybrid?: boolean
}

export function keyCommand(program: Command, run: Run): void {
  const key = program.command('key').description('make, show and install the keys that open sealed content; files are those of age')
  key
    .command('new')
    .description('make a key, write its secret half to a file, and print its recipient')
    .option('-o, --output <file>', 'where to; default is your configuration folder')
    .option('--passphrase', 'protect the file with a passphrase, as age -p does')
    .option('--hybrid', 'a post-quantum key (age1pq1…); it is not mixed with others')
    .option('--force', 'replace a file that is there: what only its key opens is then lost')
    .action(run(create))
  key
    .command('show')
    .description('print the recipients of identity files; never the secret')
    .argument('[file...]', 'identity files; - reads standard input; default those in use')
    .action(run(show))
  key
    .command('import')
    .description('check an identity file and install it as yours')
    .argument('<file>', 'as age-keygen or perdure wrote it; - reads standard input')
    .option('-o, --output <file>', 'where to; default is your configuration folder')
    .option('--force', 'replace a file that is there: what only its key opens is then lost')
    .action(run(install))
}

async function create(context: CommandContext, options: NewOptions): Promise<ExitCode> {
  const { hybrid = false, force = false } = options
  const file = await destination(context, options)
  const passphrase = options.passphrase ? await context.passphrase({ of: file, fresh: true }) : undefined
  const { secret, recipient } = await newKey({ hybrid, random })
  const created = `${new Date().toISOString().slice(0, 19)}Z`
  const text = identityText({ secret, recipient, created })
  await writeSecretFile(file, passphrase === undefined ? text : await protect(text, passphrase, { random }), { replace: force })
  const document = { file, recipient, hybrid, protected: passphrase !== undefined, created }
  await context.reporter.result(document, {
    lines: (style) => [`${style.green('wrote')}  ${printable(file)}`, recipient],
    quiet: () => [recipient],
  })
  for (const line of advice(recipient, passphrase !== undefined)) await context.reporter.note(line)
  return EXIT.ok
}

function advice(recipient: string, withPassphrase: boolean): readonly string[] {
  const what = withPassphrase ? 'the file and of its passphrase' : 'the file'
  const shown = recipient.length > 100 ? `${recipient.slice(0, 7)}…` : recipient
  return [
    `Keep a copy of ${what} away from this machine and from the archive: without it, what is sealed for it is lost.`,
    `Sealing begins when perdure.json says "recipients": ["${shown}"]; add a second one for recovery, whose key is kept offline.`,
  ]
}

interface Shown {
  readonly file: string
  readonly recipient: string
  readonly hybrid: boolean
  readonly protected: boolean
}

async function show(context: CommandContext, given: readonly string[]): Promise<ExitCode> {
  const files = given.length > 0 ? given : await context.identityFiles()
  if (files.length === 0) {
    throw new UsageError('there is no identity; name a file, or make one with `perdure key new`')
  }
  const list = context.reporter.list<Shown>(
    'identities',
    {},
    {
      lines: ({ file, recipient }) => [files.length > 1 ? `${recipient}  ${printable(file)}` : recipient],
      asked: true,
    },
  )
  for (const path of files) {
    const read = await readKeys(context, path)
    for (const { recipient, hybrid } of read.keys) await list.item({ file: read.file, recipient, hybrid, protected: read.protected })
  }
  await list.end({})
  return EXIT.ok
}

/** Checked whole, passphrase included: that a copy is of no use is found now, not on the day it is needed. */
async function install(context: CommandContext, from: string, options: Destination): Promise<ExitCode> {
  const file = await destination(context, options)
  const { keys, bytes, protected: sealed } = await readKeys(context, from)
  await writeSecretFile(file, bytes, { replace: options.force ?? false })
  const recipients = keys.map(({ recipient }) => recipient)
  await context.reporter.result(
    { file, recipients, protected: sealed },
    {
      lines: (style) => [`${style.green('installed')}  ${printable(file)}  ${style.dim(count(keys.length, 'key'))}`, ...recipients],
      quiet: () => recipients,
    },
  )
  return EXIT.ok
}

async function destination({ cwd, env }: CommandContext, { output, force = false }: Destination): Promise<string> {
  if (output === '-') throw new UsageError('a secret key does not belong on standard output; name a file with -o')
  const file = output === undefined ? homeIdentityFile(env) : resolve(cwd, output)
  if (!force) await assertFree(file)
  return file
}

async function readKeys(context: CommandContext, path: string): Promise<IdentityFile> {
  const { stdin, cwd, signal, reporter, passphrase: ask } = context
  if (path === '-') return parseIdentityFile(await collect(stdin, IDENTITY_LIMIT, { signal }), STDIN, { ask })
  return readIdentityFile(resolve(cwd, path), { ask, warn: (text) => reporter.note(text) })
}
