/** Transactions that we sign and arweave-js verifies, the other way round, and every way in which one can be wrong. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Arweave from 'arweave'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Wallet, walletOf } from '../../../src/vaults/arweave/key.ts'
import { treeOf } from '../../../src/vaults/arweave/merkle.ts'
import { signTransaction, type Transaction, type TransactionTerms, verifiedTransaction } from '../../../src/vaults/arweave/transaction.ts'
import { type RsaJwk, rsaJwk } from './keys.ts'
import { noise, piecesOf } from './pieces.ts'

const arweave = Arweave.init({})
const anchor = noise(48, 'anchor').toString('base64url')
const tags = [
  { name: 'Content-Type', value: 'application/vnd.ipld.car; version=1' },
  { name: 'Größe', value: '7 €' },
  { name: 'Empty', value: '' },
]
const terms: TransactionTerms = { dataRoot: noise(32, 'root'), byteLength: 2 ** 40 + 1, reward: 123_456_789_012_345_678_901n, anchor, tags }

type Raw = Record<string, unknown>

const other = (text: string) => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`)
const evened = (owner: string) => {
  const bytes = Buffer.from(owner, 'base64url')
  bytes[511] = (bytes[511] ?? 0) & 0xfe
  return bytes.toString('base64url')
}
const signedAgain = (signature: string) => {
  const id = createHash('sha256').update(Buffer.from(signature, 'base64url')).digest('base64url')
  return { signature, id }
}

let jwk: RsaJwk
let wallet: Wallet
let made: Transaction
beforeAll(async () => {
  jwk = await rsaJwk(4096)
  wallet = await walletOf(jwk, 'perma')
  made = await signTransaction(wallet, terms)
}, 300_000)

describe('a transaction of ours', () => {
  it('is verified by arweave-js, as it is posted', async () => {
    const raw = JSON.parse(JSON.stringify(made)) as Raw
    expect(await arweave.transactions.verify(arweave.transactions.fromRaw(raw))).toBe(true)
    expect(arweave.transactions.fromRaw(raw).toJSON()).toEqual({ ...raw, data_tree: undefined })
  })

  it('says what it was made of', async () => {
    expect(await verifiedTransaction(JSON.parse(JSON.stringify(made)))).toEqual({
      id: made.id,
      address: wallet.address,
      owner: wallet.owner,
      dataRoot: new Uint8Array(terms.dataRoot),
      byteLength: terms.byteLength,
      tags,
      reward: terms.reward,
      anchor,
    })
  })

  it('is another one each time it is signed', async () => {
    const again = await signTransaction(wallet, terms)
    expect(again.id).not.toBe(made.id)
    expect((await verifiedTransaction(again))?.id).toBe(again.id)
  })

  it.each<[string, Partial<TransactionTerms>]>([
    ['no tags', { tags: [] }],
    ['no anchor', { anchor: '' }],
    ['the id of a transaction as its anchor', { anchor: noise(32).toString('base64url') }],
    ['one byte for nothing', { byteLength: 1, reward: 0n }],
  ])('may have %s', async (_, more) => {
    const signed = await signTransaction(wallet, { ...terms, ...more })
    expect(await verifiedTransaction(signed)).toMatchObject(more)
    expect(await arweave.transactions.verify(arweave.transactions.fromRaw({ ...signed }))).toBe(true)
  })

  it.each<[string, Partial<TransactionTerms>, string | undefined]>([
    ['a data root of another length', { dataRoot: noise(31) }, undefined],
    ['no data', { byteLength: 0 }, undefined],
    ['a size that is none', { byteLength: 2 ** 53 }, undefined],
    ['a negative reward', { reward: -1n }, undefined],
    ['an anchor that is a page', { anchor: '<html>' }, 'invalid'],
    ['an anchor that is too long', { anchor: noise(49).toString('base64url') }, 'invalid'],
    ['tags that are too long', { tags: [{ name: 'n', value: 'v'.repeat(2048) }] }, 'invalid'],
  ])('cannot have %s', async (_, more, code) => {
    const result = signTransaction(wallet, { ...terms, ...more })
    await (code === undefined ? expect(result).rejects.toThrow(RangeError) : expect(result).rejects.toMatchObject({ code, vault: 'perma' }))
  })
})

describe('a transaction of arweave-js', () => {
  it('is verified, whatever the length of its salt', async () => {
    const data = noise(300_000)
    const theirs = await arweave.createTransaction({ data, last_tx: anchor, reward: '4711' }, jwk)
    for (const { name, value } of tags) theirs.addTag(name, value)
    const tree = await treeOf(piecesOf(data), data.byteLength)
    for (const saltLength of [undefined, 0, 32, 478]) {
      await arweave.transactions.sign(theirs, jwk, saltLength === undefined ? {} : { saltLength })
      const { data: _, ...header } = theirs.toJSON() as Raw
      expect(await verifiedTransaction(header), `salt ${saltLength}`).toEqual({
        id: theirs.id,
        address: wallet.address,
        owner: jwk.n,
        dataRoot: tree.dataRoot,
        byteLength: 300_000,
        tags,
        reward: 4711n,
        anchor,
      })
    }
  })

  it('is not taken in format 1, although it is signed', async () => {
    const { format: _, ...fields } = (await arweave.createTransaction({ data: 'old', last_tx: anchor, reward: '1' }, jwk)).toJSON() as Raw
    const theirs = arweave.transactions.fromRaw({ ...fields, format: 1 })
    await arweave.transactions.sign(theirs, jwk)
    expect(await arweave.transactions.verify(theirs)).toBe(true)
    expect(await verifiedTransaction(theirs.toJSON())).toBeUndefined()
    expect(await verifiedTransaction({ ...(theirs.toJSON() as Raw), format: 2 })).toBeUndefined()
  })

  it('is not taken when it moves tokens and has no data', async () => {
    const theirs = await arweave.createTransaction({ target: wallet.address, quantity: '5', last_tx: anchor, reward: '1' }, jwk)
    await arweave.transactions.sign(theirs, jwk)
    expect(await arweave.transactions.verify(theirs)).toBe(true)
    expect(await verifiedTransaction(theirs.toJSON())).toBeUndefined()
  })
})

describe('a header that was changed is not what it claims to be', () => {
  it.each<[string, (tx: Transaction) => Record<string, unknown>]>([
    ['format', () => ({ format: 1 })],
    ['format as a text', () => ({ format: '2' })],
    ['format of the future', () => ({ format: 3 })],
    ['id', ({ id }) => ({ id: other(id) })],
    ['last_tx', ({ last_tx }) => ({ last_tx: other(last_tx) })],
    ['last_tx taken away', () => ({ last_tx: '' })],
    ['owner', ({ owner }) => ({ owner: `${owner.slice(0, 100)}${other(owner.slice(100))}` })],
    ['owner that is even', ({ owner }) => ({ owner: evened(owner) })],
    ['owner that is zero', ({ owner }) => ({ owner: Buffer.alloc(512).toString('base64url').slice(0, owner.length) })],
    ['owner that is short', ({ owner }) => ({ owner: owner.slice(0, 344) })],
    ['tags', ({ tags }) => ({ tags: [{ name: tags[0]?.name, value: other(tags[0]?.value ?? '') }, ...tags.slice(1)] })],
    ['the order of tags', ({ tags }) => ({ tags: [...tags].reverse() })],
    ['a tag less', ({ tags }) => ({ tags: tags.slice(1) })],
    ['a tag more', ({ tags }) => ({ tags: [...tags, { name: 'QQ', value: 'QQ' }] })],
    ['name and value of a tag', ({ tags }) => ({ tags: tags.map(({ name, value }) => ({ name: value, value: name })) })],
    ['target', () => ({ target: noise(32).toString('base64url') })],
    ['quantity', () => ({ quantity: '1' })],
    ['data_size', ({ data_size }) => ({ data_size: String(Number(data_size) + 1) })],
    ['data_size with a zero', ({ data_size }) => ({ data_size: `0${data_size}` })],
    ['data_root', ({ data_root }) => ({ data_root: other(data_root) })],
    ['reward', ({ reward }) => ({ reward: `${reward}0` })],
    ['signature', ({ signature }) => ({ signature: other(signature) })],
    ['signature and id', ({ signature }) => signedAgain(other(signature))],
    ['signature of nothing', () => signedAgain('')],
  ])('%s', async (_, change) => {
    expect(await verifiedTransaction({ ...made })).toBeDefined()
    const changed = { ...made, ...change(made) }
    expect(changed).not.toEqual(made)
    expect(await verifiedTransaction(changed)).toBeUndefined()
  })

  it('when one text is another one for the same bytes', async () => {
    for (const field of ['id', 'owner', 'data_root', 'signature', 'last_tx'] as const) {
      const text = made[field]
      expect(await verifiedTransaction({ ...made, [field]: `${text}=` }), field).toBeUndefined()
      expect(await verifiedTransaction({ ...made, [field]: ` ${text}` }), field).toBeUndefined()
      const last = text.slice(0, -1)
      const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map((letter) => last + letter)
      const found = await Promise.all(twins.map((twin) => verifiedTransaction({ ...made, [field]: twin })))
      expect(
        twins.filter((_, index) => found[index] !== undefined),
        field,
      ).toEqual([text])
    }
  })

  it('with any field taken away or of another type', async () => {
    const signed = ['format', 'id', 'last_tx', 'owner', 'tags', 'target', 'quantity', 'data_size', 'data_root', 'reward', 'signature']
    for (const field of signed)
      for (const value of [undefined, null, 0, {}, [null], ['x'], true, 'x'.repeat(100_000), [{ name: 1, value: 2 }], [{}], Number.NaN])
        expect(await verifiedTransaction({ ...made, [field]: value }), `${field} ${String(value).slice(0, 20)}`).toBeUndefined()
  })

  it('but not when something was changed that nobody signed', async () => {
    const header = { ...made, data: 'AAAA', data_tree: ['x'], block_height: 7 }
    expect(await verifiedTransaction(header)).toEqual(await verifiedTransaction(made))
  })
})

describe('garbage', () => {
  it('is no header, and nothing is thrown', async () => {
    const wrong: readonly unknown[] = [undefined, null, '', 'Pending', 202, [], {}, [made], { format: 2 }, true, Symbol('x'), () => made]
    for (const value of wrong) expect(await verifiedTransaction(value)).toBeUndefined()
  })
})

describe('the signed transaction of arweave-js', () => {
  const file = fileURLToPath(new URL('../../../../shared/vectors/arweave/signed_v2_tx.json', import.meta.url))
  const absent = !existsSync(file)
  if (absent) console.warn(`SKIPPED: Arweave vectors are not at ${file}; a transaction signed by others was not verified`)

  // Signed with a salt of no length. The id in the file is not the hash of its signature, which the tests it was made for do not look at.
  it.skipIf(absent)(
    'is verified under the id that its signature has, and refused under the one in the file, as by the library',
    async () => {
      const header = JSON.parse(readFileSync(file, 'utf8')) as { readonly id: string; readonly signature: string }
      expect(await verifiedTransaction(header)).toBeUndefined()
      await expect(arweave.transactions.verify(arweave.transactions.fromRaw(header))).rejects.toThrow(/ID doesn't match/)
      const named = { ...header, ...signedAgain(header.signature) }
      expect(await arweave.transactions.verify(arweave.transactions.fromRaw(named))).toBe(true)
      expect(await verifiedTransaction(named)).toMatchObject({
        id: named.id,
        dataRoot: new Uint8Array(Buffer.from('3mSWTJfNIRuBKkirYk4Eq-6GnKqzgEcYKbgTnLp1NhQ', 'base64url')),
        byteLength: 2_883_584,
        tags: [],
        reward: 100_000_000_000_000n,
        anchor: '',
      })
      expect(await verifiedTransaction({ ...named, data_size: '2883585' })).toBeUndefined()
    },
  )
})
