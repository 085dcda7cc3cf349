/**
 * The main job, start to end, on the files of examples/media: store in two vaults, damage them behind the archive's back,
 * see it caught, repair, and get everything back. Run it with `npm run demo`.
 */
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { createArchive, directory, type ObjectReport, type Receipt, verifyReceipt } from '../src/index.ts'

const MEDIA = fileURLToPath(new URL('./media/', import.meta.url))
const NAMES = ['coast.png', 'expedition']
const named = new Map<string, string>()
const started = performance.now()
const work = await mkdtemp(join(tmpdir(), 'perdure-demo-'))

try {
  await using archive = await createArchive({
    path: join(work, 'archive'),
    vaults: [directory({ id: 'disk-a', at: join(work, 'disk-a') }), directory({ id: 'disk-b', at: join(work, 'disk-b') })],
    policy: { copies: 2, floor: 1 },
  })
  console.log(`\n${styleText('bold', 'perdure')} ${dim(`two vaults, two copies of everything, in ${work}`)}`)

  title('put', 'content-addressed, packed, placed in both vaults, read back, signed for')
  const receipts: Receipt[] = []
  for (const name of NAMES) {
    const receipt = await archive.put(join(MEDIA, name), { name })
    receipts.push(receipt)
    named.set(receipt.root, name)
    row(name, `${size(receipt.byteLength)}  ${dim(receipt.root)}`)
  }
  const [photo, folder] = receipts
  if (!photo || !folder) throw new RangeError('there is nothing to show')

  title('verify', 'every vault is asked for blocks it could not have guessed; each is hashed')
  for (const { root } of receipts) verdicts(await archive.verify(root))

  title('damage', 'behind the back of the archive')
  row('disk-b', `one bit of ${await flipABit(packFile('disk-b', photo))} flipped in the pack of coast.png`)
  await rm(packFile('disk-a', folder))
  row('disk-a', 'the pack of expedition deleted')

  title('verify', 'nobody told it')
  for (const { root } of receipts) verdicts(await archive.verify(root, { level: 'whole' }))

  title('repair', 'from bytes that were verified just now, and from nothing else')
  for (const { root } of receipts) {
    const { actions } = await archive.repair(root)
    for (const { vault, outcome, action, byteLength } of actions)
      row(nameOf(root), `${verdict(outcome)}  ${dim(`${action}d ${size(byteLength)} in ${vault}`)}`)
  }

  title('verify', 'again, every byte')
  for (const { root } of receipts) verdicts(await archive.verify(root, { level: 'whole' }))

  title('get', 'back, and compared with what was put')
  for (const { root } of receipts) {
    const target = join(work, 'restored', nameOf(root))
    const { files, byteLength } = await archive.restore(root, target)
    const same = await sameTree(join(MEDIA, nameOf(root)), target)
    row(
      nameOf(root),
      `${same ? styleText('green', 'identical') : styleText('red', 'DIFFERENT')}  ${dim(`${files} file${files === 1 ? '' : 's'}, ${size(byteLength)}`)}`,
    )
    if (!same) process.exitCode = 1
  }

  title('receipt', 'what was stored where, signed; checked offline, then with one number changed')
  for (const [what, receipt] of [['as signed', photo] as const, ['changed', { ...photo, byteLength: photo.byteLength + 1 }] as const]) {
    row(what, (await verifyReceipt(receipt, archive.publicKey)) ? styleText('green', 'valid') : styleText('red', 'not valid'))
  }
  console.log(`\n${dim(`${((performance.now() - started) / 1000).toFixed(1)} s. Everything above was in ${work}, which is gone now.`)}\n`)
} finally {
  await rm(work, { recursive: true, force: true })
}

/** Where a directory vault keeps the first pack of an object: its locator is a path relative to the vault. */
function packFile(vault: string, receipt: Receipt): string {
  const replica = receipt.replicas.find((each) => each.vault === vault)
  return join(work, vault, replica?.locator ?? '')
}

async function flipABit(path: string): Promise<string> {
  const { size: byteLength } = await stat(path)
  await using file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  const position = byteLength >> 1
  await file.read(byte, 0, 1, position)
  await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, position)
  return `${(byteLength * 8).toLocaleString('en')}`
}

/** Same names, same kinds, same bytes. */
async function sameTree(a: string, b: string): Promise<boolean> {
  if ((await stat(a)).isFile()) return (await readFile(a)).equals(await readFile(b))
  const list = async (root: string) => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)))
  }
  const [left, right] = [(await list(a)).sort(), (await list(b)).sort()]
  if (left.join('\0') !== right.join('\0')) return false
  for (const name of left) if (!(await readFile(join(a, name))).equals(await readFile(join(b, name)))) return false
  return true
}

function verdicts({ root, replicas }: ObjectReport): void {
  row(nameOf(root), replicas.map(({ vault, verdict: word }) => `${vault} ${verdict(word)}`).join('   '))
}

function verdict(word: string): string {
  const colour = word === 'intact' || word === 'repaired' ? 'green' : 'red'
  return styleText(colour, word.padEnd(8))
}

function nameOf(root: string): string {
  return named.get(root) ?? root
}

function title(verb: string, what: string): void {
  console.log(`\n${styleText('bold', verb.padEnd(8))} ${dim(what)}`)
}

function row(name: string, text: string): void {
  console.log(`  ${name.padEnd(12)} ${text.trimEnd()}`)
}

function size(byteLength: number): string {
  return byteLength < 1024 * 1024 ? `${Math.round(byteLength / 1024)} KiB` : `${(byteLength / 1024 / 1024).toFixed(1)} MiB`
}

function dim(text: string): string {
  return styleText('dim', text)
}
