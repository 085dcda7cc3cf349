/** Looks for secrets where none may be: raw, in hex, as numbers, and in base64 whatever stands before them. For every test of what perdure writes, prints or passes on. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'vitest'

export interface Secret {
  readonly name: string
  readonly value: string | Uint8Array
}

interface Needle {
  readonly name: string
  readonly encoding: string
  readonly bytes: Buffer
}

/** Shorter ones are found by chance. */
const MIN_BYTES = 8

/** Every form of a secret that is searched for. */
export function needlesOf({ name, value }: Secret): Needle[] {
  const bytes = Buffer.from(value)
  if (bytes.byteLength < MIN_BYTES) throw new RangeError(`the secret ${name} is too short to be searched for`)
  const hex = bytes.toString('hex')
  const texts = [
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ['decimal', bytes.join(',')],
    ...[0, 1, 2].flatMap((before) => [
      [`base64+${before}`, base64Inside(bytes, before)],
      [`base64url+${before}`, base64Inside(bytes, before).replaceAll('+', '-').replaceAll('/', '_')],
    ]),
  ] as const
  return [
    { name, encoding: 'raw', bytes },
    ...texts.map(([encoding, text]) => ({ name, encoding: String(encoding), bytes: Buffer.from(String(text)) })),
  ]
}

/** The characters of base64 that depend on the secret alone, when `before` bytes (modulo 3) and anything behind it are encoded with it. */
function base64Inside(bytes: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
  return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.byteLength) * 8) / 6))
}

/** `name as encoding` for every secret found. White space within an encoding, as in a dump of bytes, hides nothing. */
export function findSecrets(haystack: string | Uint8Array, secrets: readonly Secret[]): string[] {
  const bytes = Buffer.from(haystack)
  const joined = Buffer.from(bytes.toString('latin1').replace(/\s+/g, ''), 'latin1')
  return secrets
    .flatMap(needlesOf)
    .filter((needle) => bytes.includes(needle.bytes) || (needle.encoding !== 'raw' && joined.includes(needle.bytes)))
    .map(({ name, encoding }) => `${name} as ${encoding}`)
}

/** Everything that an error says: message, stack, causes, and what `inspect` shows of it. */
export function everythingOf(error: unknown): string {
  const parts: string[] = []
  for (let each = error, depth = 0; each !== undefined && depth < 32; depth++) {
    parts.push(String(each), inspect(each, { depth: 8, showHidden: true }), each instanceof Error ? String(each.stack) : '')
    each = each instanceof Error ? each.cause : undefined
  }
  return parts.join('\n')
}

/** Secrets in the files of folders, by their paths and names as well. `allowed` are files that may hold them. */
export async function findInFolders(
  folders: readonly string[],
  secrets: readonly Secret[],
  allowed: readonly string[] = [],
): Promise<string[]> {
  const found: string[] = []
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (allowed.includes(path)) continue
      const content = entry.isFile() ? await readFile(path) : entry.isSymbolicLink() ? Buffer.from(await readlink(path)) : Buffer.alloc(0)
      for (const hit of [...findSecrets(entry.name, secrets), ...findSecrets(content, secrets)]) found.push(`${path}: ${hit}`)
    }
  }
  return found
}

export function expectNoSecrets(haystack: string | Uint8Array, secrets: readonly Secret[]): void {
  expect(findSecrets(haystack, secrets)).toEqual([])
}

/** Command lines and environments of a process and its descendants, now (Linux). */
export async function argumentsOfTree(
  pid: number,
): Promise<readonly { readonly pid: number; readonly arguments: string; readonly environment: string }[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    // The name in brackets may hold anything; the parent is the second field behind it.
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const within = (each: number | undefined): boolean => each === pid || (each !== undefined && each > 1 && within(parents.get(each)))
  const read = (each: number, file: string) => readFile(`/proc/${each}/${file}`, 'latin1').catch(() => '')
  const tree = [...parents.keys()].filter(within)
  return Promise.all(
    tree.map(async (each) => ({ pid: each, arguments: await read(each, 'cmdline'), environment: await read(each, 'environ') })),
  )
}
