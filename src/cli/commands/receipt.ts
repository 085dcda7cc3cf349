/** `perdure receipt show` and `perdure receipt verify` */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Receipt, ShredCertificate } from '../../contracts.ts'
import { ArchiveError, FormatError } from '../../errors.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printable } from '../format.ts'
import { parseReference } from '../reference.ts'
import type { Style } from '../style.ts'
import { missingLines, objectLine, replicaLines } from '../views.ts'

/** A receipt of a million replicas is far below this; whatever is larger is something else. */
const MAX_RECEIPT_BYTES = 256 * 1024 * 1024

interface Options {
  readonly key?: string
}

type Signed = Receipt | ShredCertificate

export function receiptCommand(program: Command, run: Run): void {
  const receipt = program.command('receipt').description('show and check signed receipts')
  receipt.command('show').description('the newest receipt of an object, as it was signed').argument('<root>', 'an object').action(run(show))
  receipt
    .command('verify')
    .description('check the signature of a receipt, or of a certificate of shredding, offline')
    .argument('<file>', 'JSON as put, shred or receipt show printed it with --json; - reads standard input')
    .option('--key <multikey>', 'the archive that must have signed it (z6Mk…); without it the key in the receipt is taken')
    .action(run(verify))
}

async function show(context: CommandContext, text: string): Promise<ExitCode> {
  const { root } = parseReference(text)
  const receipt = await (await context.archive()).receipt(root)
  if (receipt === undefined) throw new ArchiveError('unknown-root', `there is no receipt of ${root}`)
  const view = (style: Style) => lines(receipt, style)
  await context.reporter.result(receipt, { lines: view, quiet: view })
  return EXIT.ok
}

async function verify(context: CommandContext, file: string, { key }: Options): Promise<ExitCode> {
  const receipt = parseReceipt(file === '-' ? await readAll(context.stdin) : await readReceipt(resolve(context.cwd, file)))
  const { isCertificate, verifyCertificate } = await import('../../format/certificate.ts')
  const { verifyReceipt } = await import('../../format/receipt.ts')
  const valid = isCertificate(receipt) ? await verifyCertificate(receipt, key) : await verifyReceipt(receipt, key)
  await context.reporter.result(
    { valid, root: receipt.root, archive: receipt.archive, keyGiven: key !== undefined },
    { lines: (style) => verdictLines(receipt, valid, key, style) },
  )
  return valid ? EXIT.ok : EXIT.failed
}

function lines(receipt: Receipt, style: Style): string[] {
  return [
    objectLine(receipt, style),
    style.dim(`  signed by ${printable(receipt.archive)}, created ${printable(receipt.created)}`),
    ...replicaLines(receipt.replicas, style),
    ...missingLines(receipt.missing, style),
  ]
}

function verdictLines(receipt: Signed, valid: boolean, key: string | undefined, style: Style): string[] {
  const whose =
    key === undefined
      ? `by the key it names, ${printable(receipt.archive)}; pass --key to demand a certain archive`
      : `by ${printable(key)}`
  if (valid) return [`${style.green('valid')}  signed ${whose}`]
  return [`${style.red('not valid')}  the signature does not hold, or another key made it`]
}

async function readReceipt(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_RECEIPT_BYTES) throw new FormatError('limit', `${path} is too large to be a receipt`)
  return readFile(path, 'utf8')
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true })
    if (text.length > MAX_RECEIPT_BYTES) throw new FormatError('limit', 'the input is too large to be a receipt')
  }
  return text + decoder.decode()
}

function parseReceipt(text: string): Signed {
  try {
    return JSON.parse(text) as Signed
  } catch (cause) {
    throw new FormatError('malformed', 'this is not a receipt: it is not JSON', { cause })
  }
}
