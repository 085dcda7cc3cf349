/** A validator of BagIt bags as RFC 8493 reads, written apart from the code that makes them. Resolves to what is wrong, nothing where a bag is whole and valid. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, normalize, relative } from 'node:path'

const KNOWN = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

export async function flawsOf(bag: string): Promise<readonly string[]> {
  const flaws: string[] = []
  const names = (await readdir(bag)).sort()
  const declared = declaration(names.includes('bagit.txt') ? await readFile(join(bag, 'bagit.txt')) : undefined, flaws)
  if (!declared) return flaws
  const payload = (await readdir(join(bag, 'data'), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(bag, join(entry.parentPath, entry.name)).normalize('NFC'))
  if (!names.includes('data')) flaws.push('there is no data folder')
  const strict = declared.version >= 1
  const manifests = names.filter((name) => /^manifest-\w+\.txt$/.test(name))
  if (manifests.length === 0) flaws.push('there is no manifest')
  const listed = new Map<string, number>()
  for (const name of manifests) {
    const lines = await readManifest(bag, name, declared, flaws)
    for (const path of lines.keys()) {
      listed.set(path, (listed.get(path) ?? 0) + 1)
      if (!path.startsWith('data/')) flaws.push(`${name} lists ${path}, outside data/`)
    }
    await checkHashes(bag, name, lines, flaws)
  }
  for (const path of payload) {
    const times = listed.get(path) ?? 0
    if (times === 0 || (strict && times < manifests.length)) flaws.push(`${path} is not in every manifest`)
  }
  for (const name of names.filter((each) => /^tagmanifest-\w+\.txt$/.test(each)))
    await checkHashes(bag, name, await readManifest(bag, name, declared, flaws), flaws)
  await checkOxum(bag, names, payload, flaws)
  return flaws
}

interface Declared {
  readonly version: number
  readonly encoding: string
}

function declaration(bytes: Buffer | undefined, flaws: string[]): Declared | undefined {
  if (!bytes) {
    flaws.push('there is no bagit.txt')
    return undefined
  }
  const [, version, encoding] =
    /^BagIt-Version: (\d+\.\d+)\r?\nTag-File-Character-Encoding: (\S+)\r?\n?$/.exec(bytes.toString('utf8')) ?? []
  if (version === undefined || encoding === undefined) {
    flaws.push('bagit.txt does not declare version and encoding')
    return undefined
  }
  return { version: Number(version), encoding: encoding.toLowerCase() }
}

/** Hash by path. */
async function readManifest(bag: string, name: string, { encoding }: Declared, flaws: string[]): Promise<ReadonlyMap<string, string>> {
  const bytes = await readFile(join(bag, name))
  const bigEndian = encoding === 'utf-16' && bytes[0] === 0xfe && bytes[1] === 0xff
  const text = new TextDecoder(bigEndian ? 'utf-16be' : encoding).decode(bytes)
  const lines = new Map<string, string>()
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.trim() === '') continue
    const [, hash = '', raw = ''] = /^([0-9a-fA-F]+)\s+\*?(.+)$/.exec(line) ?? []
    const path = decoded(raw)
    if (hash === '' || path === '') flaws.push(`${name} has a line that is none: ${line}`)
    else if (leadsOut(path)) flaws.push(`${name} lists ${path}, which leads out of the bag`)
    else if (lines.has(path)) flaws.push(`${name} lists ${path} twice`)
    else lines.set(path, hash.toLowerCase())
  }
  return lines
}

const decoded = (path: string): string =>
  path.replace(/^\.\//, '').replaceAll(/%0d/gi, '\r').replaceAll(/%0a/gi, '\n').replaceAll(/%25/g, '%').normalize('NFC')

const leadsOut = (path: string): boolean =>
  path.startsWith('/') || path.startsWith('~') || normalize(path).startsWith('..') || /^[a-zA-Z]:|\\/.test(path)

async function checkHashes(bag: string, manifest: string, lines: ReadonlyMap<string, string>, flaws: string[]): Promise<void> {
  const [, algorithm = ''] = /manifest-(\w+)\.txt$/.exec(manifest) ?? []
  if (!KNOWN.has(algorithm)) return void flaws.push(`${manifest} uses ${algorithm}, which is not known`)
  for (const [path, hash] of lines) {
    const bytes = await readFile(join(bag, path)).catch(() => undefined)
    if (!bytes) flaws.push(`${path} is in ${manifest} and not there`)
    else if (createHash(algorithm).update(bytes).digest('hex') !== hash) flaws.push(`${path} does not have the hash of ${manifest}`)
  }
}

async function checkOxum(bag: string, names: readonly string[], payload: readonly string[], flaws: string[]): Promise<void> {
  if (!names.includes('bag-info.txt')) return
  const [, octets, files] = /^Payload-Oxum: (\d+)\.(\d+)\s*$/m.exec(await readFile(join(bag, 'bag-info.txt'), 'latin1')) ?? []
  if (octets === undefined) return
  let total = 0
  for (const path of payload) total += (await readFile(join(bag, path))).byteLength
  if (Number(octets) !== total || Number(files) !== payload.length) flaws.push('bag-info.txt counts the payload wrongly')
}
