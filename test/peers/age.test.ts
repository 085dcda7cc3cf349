import { execFile, spawn } from 'node:child_process'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseIdentityFile, parseRecipient } from '../../src/format/key-text.ts'
import { openSealed } from '../../src/format/open.ts'
import { passphraseIdentity, passphraseRecipient } from '../../src/format/recipient-scrypt.ts'
import type { Recipient } from '../../src/format/recipients.ts'
import { rewrap } from '../../src/format/rewrap.ts'
import { sealed, sealedLeaves } from '../format/sealed/keys.ts'
import { bytesOf, noise, pieces, random } from '../format/sealed/pieces.ts'

const run = promisify(execFile)
const SIZES = [0, 1, 65_535, 65_536, 65_537, 982_600, 983_040, 983_041, 3_000_000]
const PASSPHRASE = 'three grey horses'

const tools = ['PACKAGED', 'CURRENT'].flatMap((kind) => {
  const [age, keygen] = [process.env[`PERDURE_AGE_${kind}`], process.env[`PERDURE_AGE_KEYGEN_${kind}`]]
  return age && keygen ? [{ kind: kind.toLowerCase(), age, keygen, flags: [] as string[] }] : []
})
/** What `age-keygen` is told for a post-quantum key; older ones cannot. */
const kinds = tools.flatMap((tool) =>
  tool.kind === 'current' ? [tool, { ...tool, kind: 'current, post-quantum', flags: ['-pq'] }] : [tool],
)
const terminal = await access('/usr/bin/script').then(
  () => true,
  () => false,
)
if (!terminal) console.warn('SKIPPED: /usr/bin/script is not here; age asks for passphrases on a terminal only, so they were not tested')

it.skipIf(tools.length === 0)('a real age is here', () => expect(tools.length).toBeGreaterThan(0))

describe.each(kinds)('beside the real age ($kind)', ({ age, keygen, flags }) => {
  let folder = ''
  const at = (name: string) => join(folder, name)
  const keys = async (name: string) => {
    await run(keygen, [...flags, '-o', at(name)])
    const [identity] = parseIdentityFile(await readFile(at(name), 'utf8'))
    if (!identity) throw new RangeError('age-keygen wrote no identity')
    return { path: at(name), identity, recipient: parseRecipient((await run(keygen, ['-y', at(name)])).stdout.trim()) }
  }
  const decrypted = async (file: Uint8Array, identityPath: string) => {
    await writeFile(at('sealed.age'), file)
    return (await run(age, ['-d', '-i', identityPath, at('sealed.age')], { encoding: 'buffer', maxBuffer: 1 << 26 })).stdout
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perdure-age-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('our identities have the recipients that age-keygen says', async () => {
    const { identity, recipient } = await keys('said.txt')
    expect(await identity.recipient()).toBe(recipient.text)
  })

  it('opens our files of every size, also after their recipients changed', async () => {
    const [first, second] = [await keys('first.txt'), await keys('second.txt')]
    for (const size of SIZES) {
      const plaintext = noise(size)
      const leaves = await sealedLeaves(plaintext, { recipients: [first.recipient] })
      expect((await decrypted(Buffer.concat(leaves), first.path)).equals(plaintext), `${size}`).toBe(true)
      const recipients: Recipient[] = [second.recipient]
      const [leaf = new Uint8Array(0)] = leaves
      const fresh = await rewrap(leaf, { identities: [first.identity], recipients, random })
      const rewrapped = Buffer.concat([...fresh, ...leaves.slice(1)])
      expect((await decrypted(rewrapped, second.path)).equals(plaintext), `${size}`).toBe(true)
      await expect(decrypted(rewrapped, first.path)).rejects.toThrow()
    }
  })

  it('its files open here, armored ones too', async () => {
    const { identity, recipient } = await keys('theirs.txt')
    for (const size of SIZES) {
      const plaintext = noise(size)
      await writeFile(at('plain'), plaintext)
      for (const armor of [[], ['-a']]) {
        await run(age, [...armor, '-r', recipient.text ?? '', '-o', at('theirs.age'), at('plain')])
        const file = await readFile(at('theirs.age'))
        expect((await bytesOf(openSealed(pieces(file, 65_536), [identity]))).equals(plaintext), `${size} ${armor}`).toBe(true)
      }
    }
  })

  it('refuses what we refuse: a file that was cut', async () => {
    const { path, recipient } = await keys('cut.txt')
    const file = await sealed(noise(200_000), { recipients: [recipient] })
    await expect(decrypted(file.subarray(0, file.byteLength - 1), path)).rejects.toThrow()
  })

  it.skipIf(!terminal || flags.length > 0)('passphrases open both ways', { timeout: 60_000 }, async () => {
    const plaintext = noise(100_000)
    await writeFile(at('ours.age'), await sealed(plaintext, { recipients: [passphraseRecipient(PASSPHRASE, { workFactor: 12 })] }))
    await onTerminal(`${age} -d -o ${at('opened')} ${at('ours.age')}`, [PASSPHRASE])
    expect((await readFile(at('opened'))).equals(plaintext)).toBe(true)
    await onTerminal(`${age} -p -o ${at('theirs.age')} ${at('opened')}`, [PASSPHRASE, PASSPHRASE])
    const theirs = await readFile(at('theirs.age'))
    expect((await bytesOf(openSealed(pieces(theirs, 50_000), [passphraseIdentity(PASSPHRASE)]))).equals(plaintext)).toBe(true)
  })
})

/** Runs a command on a terminal of its own and answers each prompt that ends in a colon. */
function onTerminal(command: string, answers: readonly string[]): Promise<void> {
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const left = [...answers]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes(': ') && left.length > 0) child.stdin.write(`${left.shift()}\n`)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new RangeError(`${command} ended with ${code}`))))
  })
}
