/**
 * Runs `examples/verify-log.ts` over and over in one process, each time with something changed: `node verify-log.child.ts FOLDER`, where log.jsonl, checkpoint.txt,
 * key.txt and outside.txt lie. Prints how many changes were tried, and those that it let pass.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { signCheckpoint } from '../../src/format/checkpoint.ts'
import { leafHash, rootOver } from '../../src/format/merkle.ts'
import { keyFromSeed } from '../../src/format/sign.ts'

const [folder = '', seed = ''] = process.argv.slice(2)
const NAMES = ['log.jsonl', 'checkpoint.txt', 'key.txt', 'outside.txt'] as const
type Files = Record<(typeof NAMES)[number], Buffer>

const whole = Object.fromEntries(NAMES.map((name) => [name, readFileSync(join(folder, name))])) as Files
const bent = join(folder, 'bent')
mkdirSync(bent, { recursive: true })
// Its types are stripped once, not for every run.
const example = join(folder, 'verify-log.mjs')
writeFileSync(example, stripTypeScriptTypes(readFileSync(new URL('../../examples/verify-log.ts', import.meta.url), 'utf8')))
const key = await keyFromSeed(Buffer.from(seed, 'hex'))
let runs = 0
let written: Partial<Files> = {}

/** Does the example, run anew, call it verified? */
async function passes(files: Files): Promise<boolean> {
  for (const name of NAMES) if (files[name] !== written[name]) writeFileSync(join(bent, name), files[name])
  written = files
  const said: string[] = []
  const { log } = console
  console.log = (line: string) => void said.push(line)
  process.argv = ['node', 'verify-log.ts', ...NAMES.map((name) => join(bent, name))]
  try {
    await import(`${pathToFileURL(example).href}?${runs++}`)
  } finally {
    console.log = log
  }
  process.exitCode = 0
  return said.at(-1)?.startsWith('verified') === true
}

/** The log in other words, signed by the archive itself, as a dishonest one could. */
async function signedAnew(lines: readonly string[]): Promise<Files> {
  const root = rootOver(lines.map((line) => leafHash(Buffer.from(line))))
  const checkpoint = Buffer.from(await signCheckpoint({ size: lines.length, root }, key))
  return { ...whole, 'log.jsonl': Buffer.from(lines.map((line) => `${line}\n`).join('')), 'checkpoint.txt': checkpoint }
}

const survived: string[] = []
const attempt = async (what: string, files: Files) => {
  if (await passes(files)) survived.push(what)
}

if (!(await passes(whole))) survived.push('THE TRUE LOG WAS REFUSED')
for (const name of NAMES) {
  for (let at = 0; at < whole[name].length; at++) {
    const bytes = Buffer.from(whole[name])
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
    await attempt(`${name}: byte ${at} flipped`, { ...whole, [name]: bytes })
  }
}
const lines = whole['log.jsonl'].toString().split('\n').slice(0, -1)
const outside = Number(whole['outside.txt'].toString().split('\n')[1])
const text = (list: readonly string[]) => Buffer.from(list.map((line) => `${line}\n`).join(''))
for (let at = 0; at < lines.length; at++) {
  const without = lines.toSpliced(at, 1)
  const swapped = lines.with(at, lines[at + 1] ?? '').with(at + 1 < lines.length ? at + 1 : at, lines[at] ?? '')
  await attempt(`entry ${at} deleted`, { ...whole, 'log.jsonl': text(without) })
  await attempt(`cut after ${at}`, { ...whole, 'log.jsonl': text(lines.slice(0, at)) })
  await attempt(`entry ${at} twice`, { ...whole, 'log.jsonl': text(lines.toSpliced(at, 0, lines[at] ?? '')) })
  if (at + 1 < lines.length) await attempt(`entries ${at} and ${at + 1} swapped`, { ...whole, 'log.jsonl': text(swapped) })
  // Beyond the checkpoint from outside a dishonest archive may write what it likes: nobody has seen it yet.
  if (at < outside) {
    await attempt(`entry ${at} deleted, signed anew`, await signedAnew(without))
    await attempt(`cut after ${at}, signed anew`, await signedAnew(lines.slice(0, at)))
    await attempt(`entry ${at} changed, signed anew`, await signedAnew(lines.with(at, '{"kind":"remove"}')))
    if (at + 1 < lines.length) await attempt(`entries ${at} and ${at + 1} swapped, signed anew`, await signedAnew(swapped))
  }
}
if (!(await passes(await signedAnew([...lines, '{"kind":"more"}'])))) survived.push('A LONGER LOG WAS REFUSED')
process.stdout.write(`${JSON.stringify({ runs, survived })}\n`)
