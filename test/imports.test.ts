import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

/** What each part of the house may import besides itself. `contracts` stands for contracts.ts, contracts/ and errors.ts. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  bytes: ['contracts'],
  format: ['contracts', 'bytes'],
  policy: ['contracts', 'bytes'],
  vaults: ['contracts', 'bytes'],
  wrap: ['contracts', 'bytes'],
  catalog: ['contracts', 'bytes'],
  conformance: ['contracts', 'bytes', 'format'],
  flow: ['contracts', 'bytes', 'format', 'policy', 'vaults', 'wrap', 'catalog'],
  archive: ['contracts', 'bytes', 'format', 'policy', 'vaults', 'wrap', 'catalog', 'flow'],
  index: ['contracts', 'bytes', 'format', 'policy', 'vaults', 'wrap', 'catalog', 'flow', 'archive'],
  // The doors of perdure/s3 and the like, one for each network.
  s3: ['contracts', 'bytes', 'vaults'],
  ipfs: ['contracts', 'bytes', 'vaults'],
  arweave: ['contracts', 'bytes', 'vaults'],
  commp: ['contracts', 'bytes', 'format'],
  // Hands the vault the piece commitment, which is a format of its own.
  filecoin: ['contracts', 'bytes', 'format', 'vaults'],
  // Serves an archive by its own verbs, so it needs to know nothing else.
  server: ['contracts'],
  // The command line comes last, and starts the server.
  cli: ['contracts', 'bytes', 'format', 'policy', 'vaults', 'wrap', 'catalog', 'flow', 'archive', 'index', 'server'],
}

/** What the vaults share; everything else in vaults/ is one vault, a file and a folder of the same name. */
const SHARED_BY_VAULTS = ['body', 'journals', 'patience', 'profile', 'read-once', 'turns']

const HARD_LIMIT_LINES = 400

const SRC = fileURLToPath(new URL('../src/', import.meta.url))

/** Files of a tree by path relative to src/, with their text. */
type Tree = Readonly<Record<string, string>>

function partOf(path: string): string {
  const first = path.split('/')[0] ?? ''
  const name = first.replace(/\.ts$/, '')
  return name === 'errors' ? 'contracts' : name
}

function vaultOf(path: string): string | undefined {
  const [part, name] = path.split('/')
  if (part !== 'vaults' || name === undefined) return undefined
  const vault = name.replace(/\.ts$/, '')
  return SHARED_BY_VAULTS.includes(vault) ? undefined : vault
}

/** Every relative specifier of a file: import, export from, dynamic import, import type. */
function importsOf(path: string, text: string): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true)
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => join(dirname(path), name))
}

/** Breaches of the direction, one sentence each. */
function breaches(tree: Tree): string[] {
  const found: string[] = []
  for (const [path, text] of Object.entries(tree)) {
    const from = partOf(path)
    const allowed = ALLOWED[from]
    if (allowed === undefined) {
      found.push(`${path} belongs to no part of the house`)
      continue
    }
    for (const target of importsOf(path, text)) {
      const to = partOf(target)
      if (target.startsWith('..')) found.push(`${path} imports ${target}, outside src`)
      else if (to !== from && !allowed.includes(to)) found.push(`${path} imports ${target}: ${from} must not know ${to}`)
      else if (!/\.(ts|js|json)$/.test(target)) found.push(`${path} imports ${target} without its ending`)
      else if (from === 'vaults' && otherVault(path, target)) found.push(`${path} imports ${target}: no vault knows another`)
    }
  }
  return found
}

function otherVault(path: string, target: string): boolean {
  const to = vaultOf(target)
  return to !== undefined && to !== vaultOf(path)
}

function readTree(): Tree {
  const files = readdirSync(SRC, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [relative(SRC, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]
    }),
  )
}

describe('the direction of imports', () => {
  const tree = readTree()

  it('is kept by every source file', () => {
    expect(Object.keys(tree).length).toBeGreaterThan(50)
    expect(breaches(tree)).toEqual([])
  })

  it.each([
    ['an inner layer that reaches out', { 'bytes/a.ts': "import { x } from '../flow/b.ts'" }, 'bytes must not know flow'],
    [
      'siblings that are not blind to each other',
      { 'vaults/a.ts': "import type { X } from '../catalog/b.ts'" },
      'vaults must not know catalog',
    ],
    ['a re-export', { 'format/a.ts': "export * from '../policy/b.ts'" }, 'format must not know policy'],
    ['a dynamic import', { 'wrap/a.ts': "const x = await import('../vaults/b.ts')" }, 'wrap must not know vaults'],
    ['a type in passing', { 'policy/a.ts': "let x: import('../flow/b.ts').X" }, 'policy must not know flow'],
    ['an error that knows its layer', { 'errors.ts': "import './bytes/a.ts'" }, 'contracts must not know bytes'],
    ['the library using its own command line', { 'archive.ts': "import './cli/main.ts'" }, 'archive must not know cli'],
    ['a server that reaches behind the archive', { 'server/a.ts': "import '../flow/b.ts'" }, 'server must not know flow'],
    ['a server that knows the command line', { 'server/a.ts': "import '../cli/main.ts'" }, 'server must not know cli'],
    ['a published suite that knows the flow', { 'conformance/a.ts': "import '../flow/b.ts'" }, 'conformance must not know flow'],
    ['a vault that knows another', { 'vaults/s3/a.ts': "import '../directory/b.ts'" }, 'no vault knows another'],
    ['a shared file that knows a vault', { 'vaults/body.ts': "import './memory.ts'" }, 'no vault knows another'],
    ['a file from outside', { 'flow/a.ts': "import '../../test/b.ts'" }, 'outside src'],
    ['a file without a home', { 'utils.ts': '' }, 'belongs to no part'],
  ])('would be broken by %s', (_, made, complaint) => {
    expect(breaches(made as unknown as Tree)).toEqual([expect.stringContaining(complaint)])
  })

  it('allows what the house allows', () => {
    const made = {
      'vaults/directory.ts': "import './directory/read.ts'; import './body.ts'; import '../errors.ts'; import 'node:fs'",
      'conformance/a.ts': "import '../format/address.ts'",
      'cli/a.ts': "import '../index.ts'; // import '../nowhere/x.ts'",
    }
    expect(breaches(made)).toEqual([])
  })
})

describe('the size of files', () => {
  it(`stays below ${HARD_LIMIT_LINES} lines`, () => {
    const long = Object.entries(readTree()).filter(([, text]) => text.split('\n').length > HARD_LIMIT_LINES)
    expect(long.map(([path]) => path)).toEqual([])
  })
})
