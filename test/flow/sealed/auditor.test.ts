import { execFile } from 'node:child_process'
import { chmod, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { base58btc } from 'multiformats/bases/base58'
import { describe, expect, it } from 'vitest'
import { LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { findInFolders, type Secret } from '../../canary.ts'
import { bytesOf, fileOf, files, flip, noise } from '../house.ts'
import { alice, sealedHouse } from './keys.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./auditor.child.ts', import.meta.url))
const BIG = noise(2 * LEAF_PLAINTEXT_BYTES + 99, 'big')

/** Everything random that sealing draws: file keys, nonces and ephemeral keys among it. */
function watchedRandom() {
  const drawn: Uint8Array[] = []
  let count = 0
  const random = (byteLength: number): Uint8Array => {
    const bytes = new Uint8Array(noise(byteLength, `drawn ${count++}`))
    drawn.push(bytes.slice())
    return bytes
  }
  return { random, drawn }
}

async function diary(folder: string): Promise<string> {
  const at = await files(join(folder, 'secret diary'), {
    'letters/mother.txt': 'my dear mother, this is what happened',
    'letters/big-photograph.raw': BIG,
    'passwords-of-the-bank.csv': 'user;password',
  })
  await symlink('letters/mother.txt', join(at, 'link-to-my-mother'))
  await chmod(join(at, 'letters'), 0o711)
  return at
}

const secretsOf = (fingerprint: Uint8Array): readonly Secret[] => [
  { name: 'identity', value: alice.identity },
  { name: 'plaintext', value: 'my dear mother' },
  { name: 'plaintext of a large file', value: BIG.subarray(500_000, 500_032) },
  { name: 'name of the directory', value: 'secret diary' },
  { name: 'name of a folder', value: 'letters/' },
  { name: 'name of a file', value: 'passwords-of-the-bank' },
  { name: 'name of a large file', value: 'big-photograph' },
  { name: 'name of a link', value: 'link-to-my-mother' },
  { name: 'media type', value: 'application/x-diary' },
  { name: 'name given', value: 'Tagebuch 1987' },
  { name: 'name in putAll', value: 'single-secret-name' },
  { name: 'fingerprint secret', value: fingerprint },
]

describe('an auditor without any key', () => {
  it('verifies, repairs, lists and prunes in a process of its own, and opens nothing', async () => {
    const built = await sealedHouse()
    const source = await diary(built.folder)
    const { root, replicas } = await built.archive.put(source, { name: 'Tagebuch 1987', mediaType: 'application/x-diary' })
    for (const replica of replicas.filter(({ vault }) => vault === 'b')) await flip(fileOf(built.folder, replica), 500_000)
    await built.archive.close()
    const { stdout } = await run(process.execPath, [CHILD, built.folder, root])
    expect(JSON.parse(stdout)).toEqual({
      before: 'damaged',
      repaired: 'satisfied',
      after: 'satisfied',
      names: [{ name: null, sealed: true }],
      pruned: expect.any(Number),
      checked: true,
      refused: ['no-identity', 'no-identity', 'no-identity', 'no-identity'],
    })
    const reader = await built.reopen()
    expect((await bytesOf(reader.get(root, { path: 'letters/big-photograph.raw' }))).equals(BIG)).toBe(true)
    expect((await reader.status(root)).name).toBe('Tagebuch 1987')
  })

  it('finds no key, no content and no name in catalog, spool, vaults and receipts, raw or encoded', async () => {
    const { random, drawn } = watchedRandom()
    const built = await sealedHouse({ random })
    const source = await diary(built.folder)
    const options = { name: 'Tagebuch 1987', mediaType: 'application/x-diary', trustMtime: true }
    const { root } = await built.archive.put(source, options)
    await built.archive.put(source, { ...options, padding: 'padme' })
    await built.archive.put(source, options)
    await built.archive.putAll([{ path: 'letters/single-secret-name.txt', content: new TextEncoder().encode('my dear mother') }])
    await built.archive.verify(root)
    const receipt = await built.archive.receipt(root)
    await built.archive.close()
    const text = await readFile(join(built.folder, 'archive', 'fingerprint.key'), 'utf8')
    const fingerprint = base58btc.decode(text.trim())
    expect(drawn.some((bytes) => Buffer.from(bytes).equals(fingerprint))).toBe(true)
    const folders = ['archive', 'a', 'b'].map((name) => join(built.folder, name))
    const allowed = ['archive.key', 'fingerprint.key'].map((name) => join(built.folder, 'archive', name))
    expect(await findInFolders(folders, secretsOf(fingerprint), allowed)).toEqual([])
    // For each file a key of 16 bytes, a nonce of 16, which stands in clear behind the header, and an ephemeral key of 32 are drawn in turns.
    const sealings = drawn.flatMap((fileKey, at) => {
      const [nonce, ephemeral] = drawn.slice(at + 1)
      const lengths = [fileKey, nonce, ephemeral].map((bytes) => bytes?.byteLength).join(' ')
      return lengths === '16 16 32' && nonce && ephemeral ? [{ fileKey, nonce, ephemeral }] : []
    })
    expect(sealings.length).toBeGreaterThan(10)
    const named = (part: 'fileKey' | 'nonce' | 'ephemeral') =>
      sealings.map((each, index) => ({ name: `${part} ${index}`, value: each[part] }))
    expect(await findInFolders(folders, [...named('fileKey'), ...named('ephemeral')], allowed)).toEqual([])
    expect(await findInFolders(folders, named('nonce'), allowed)).not.toEqual([])
    expect(receipt).not.toHaveProperty('name')
    expect(receipt).not.toHaveProperty('mediaType')
  })
})
