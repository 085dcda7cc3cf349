import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { everything, type KeyPlace, keyPair, keyPlace } from './keys.ts'

/** Two directory vaults, a key in its place, and a configuration that seals for it. */
async function sealed(): Promise<KeyPlace & { readonly recipient: string }> {
  const at = await keyPlace()
  const { document } = await at.json(['key', 'new'])
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, recipients: [document.recipient] }))
  await writeFile(join(at.cwd, 'deed.txt'), 'the deed')
  await writeFile(join(at.cwd, 'big.bin'), Buffer.alloc(2_500_000, 'x'))
  return { ...at, recipient: String(document.recipient) }
}

async function put(at: KeyPlace, path: string): Promise<string> {
  const { code, document } = await at.json(['put', path])
  expect(code).toBe(0)
  return String(document.root)
}

describe('perdure recipients', () => {
  it('adds, shows and removes; says what was stored anew, what stays, and what a removed reader keeps', async () => {
    await using at = await sealed()
    const other = await keyPair()
    await writeFile(join(at.cwd, 'other.txt'), `${other.identity}\n`, { mode: 0o600 })
    const [small, big] = [await put(at, 'deed.txt'), await put(at, 'big.bin')]
    const added = await at.json(['recipients', 'add', small, big, '--recipient', other.recipient])
    expect(added.code).toBe(0)
    const [one, two] = added.document.objects as { root: string; previous: string; storedAnew: number }[]
    expect([one?.storedAnew, two?.storedAnew]).toEqual([1, 0])
    expect(one?.previous).toBe(small)
    const shown = await at.json(['recipients', 'show', one?.root ?? ''])
    expect(shown.document).toEqual({ objects: [{ root: one?.root, recipients: [at.recipient, other.recipient] }] })
    expect((await at.run(['cat', one?.root ?? '', '--identity', 'other.txt'])).stdout).toBe('the deed')
    await writeFile(join(at.cwd, 'gone.txt'), `# a comment\n${at.recipient}\n`)
    const removed = await at.run(['recipients', 'remove', two?.root ?? '', '--recipient', '@gone.txt'])
    expect(removed.code).toBe(0)
    expect(removed.stdout).toMatch(/^sealed {2}bafy/)
    expect(removed.stdout).toMatch(/1 file, 0 stored anew/)
    expect(removed.stdout).toMatch(/old header stays .*payload/)
    expect(removed.stdout).toMatch(/A removed reader keeps access to what it could already read/)
    const root = /bafy\w+/.exec(removed.stdout)?.[0] ?? ''
    expect((await at.run(['cat', root])).code).toBe(1)
    expect((await at.run(['cat', root, '--identity', 'other.txt'])).stdout).toHaveLength(2_500_000)
    expect((await at.run(['cat', two?.root ?? ''])).stderr).toContain(`is ${root} now`)
  })

  it('goes on after an object that fails, exits 1, and repeats no secret that is given for a recipient', async () => {
    await using at = await sealed()
    const other = await keyPair()
    const [small, big] = [await put(at, 'deed.txt'), await put(at, 'big.bin')]
    const unknown = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    const { code, document } = await at.json(['recipients', 'add', small, unknown, big, '--recipient', other.recipient, '--rekey'])
    expect(code).toBe(1)
    const objects = document.objects as { error?: { code: string }; rekeyed?: boolean }[]
    expect(objects.map(({ error, rekeyed }) => error?.code ?? rekeyed)).toEqual([true, 'unknown-root', true])
    const secret = await at.run(['recipients', 'add', small, '--recipient', other.identity])
    expect(secret.code).toBe(1)
    for (const { value } of other.secrets) expect(everything(secret)).not.toContain(value)
    expect((await at.run(['recipients', 'add', small])).code).toBe(2)
  })
})
