/** Cases of content that was sealed before. */
import assert from 'node:assert/strict'
import type { NewFingerprint } from '../contracts.ts'
import { block, type CatalogCase, object, putOne, sealed, staged } from './catalog-fixtures.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const print = (key: string, pack: number, given: Partial<NewFingerprint> = {}): NewFingerprint => ({
  key: bytes(key),
  place: 1,
  length: 10,
  content: { root: block(`root of ${key}`), dagBytes: 100, byteLength: 64, extents: [{ start: 0, pack, first: 1, count: 2 }] },
  ...given,
})

export const fingerprintCases: readonly CatalogCase[] = [
  {
    name: 'content is known by its fingerprint once a put with it is sealed, with its extents',
    async run({ open, reopen }) {
      const catalog = await open()
      const pack = await catalog.stagePack(staged('a', 4, { visibility: 'sealed' }))
      const made = object('a', [{ start: 0, pack, first: 0, count: 4 }], { visibility: 'sealed' })
      assert.deepEqual(await catalog.knownContent([{ key: bytes('k'), place: 1 }]), [undefined])
      await catalog.seal('a', [sealed('a', pack)], [made], { fingerprints: [print('k', pack)] })
      const again = await reopen(catalog)
      const wanted = [
        { key: bytes('other'), place: 1 },
        { key: bytes('k'), place: 7 },
      ]
      const [unknown, known] = await again.knownContent(wanted)
      assert.equal(unknown, undefined)
      assert.equal(known?.root.toString(), block('root of k').toString())
      assert.deepEqual({ ...known, root: undefined }, { ...print('k', pack).content, root: undefined })
      assert.equal(await again.knownLength(10), true)
      assert.equal(await again.knownLength(11), false)
    },
  },
  {
    name: 'content sealed at several places is known by its own place first, and by the oldest elsewhere',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a', { visibility: 'sealed' })
      const at = (place: number, root: string) => {
        const { content, ...rest } = print('k', a.pack, { place })
        return content ? { ...rest, content: { ...content, root: block(root) } } : rest
      }
      await catalog.seal('x', [], [], { fingerprints: [at(1, 'one'), at(2, 'two')] })
      const found = await catalog.knownContent([1, 2, 3].map((place) => ({ key: bytes('k'), place })))
      assert.deepEqual(
        found.map((content) => content?.root.toString()),
        [block('one'), block('two'), block('one')].map(String),
      )
      await catalog.seal('x', [], [], { fingerprints: [at(1, 'three')] })
      assert.equal((await catalog.knownContent([{ key: bytes('k'), place: 1 }]))[0]?.root.toString(), block('three').toString())
    },
  },
  {
    name: 'content is known only while its packs may be reused, and no longer when one of them is dropped',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a', { visibility: 'sealed' })
      await catalog.seal('x', [], [], { fingerprints: [print('k', a.pack)] })
      const known = async () => (await catalog.knownContent([{ key: bytes('k'), place: 1 }]))[0] !== undefined
      assert.equal(await known(), true)
      await catalog.unspooled(a.pack)
      assert.equal(await known(), false)
      await catalog.placed(a.pack, 'v', 'at', 1)
      assert.equal(await known(), true)
      await catalog.forget(a.id)
      await catalog.dropPack(a.pack)
      assert.equal(await known(), false)
      assert.equal(await catalog.knownLength(10), false)
    },
  },
  {
    name: 'public packs are never what sealed content is known by',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      await catalog.seal('x', [], [], { fingerprints: [print('k', a.pack)] })
      assert.deepEqual(await catalog.knownContent([{ key: bytes('k'), place: 1 }]), [undefined])
    },
  },
  {
    name: 'a file is known in the state it was last kept in, and in no other',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a', { visibility: 'sealed' })
      const file = (state: string) => ({ path: bytes('path'), state: bytes(state) })
      await catalog.seal('x', [], [], { fingerprints: [print('k', a.pack, { file: file('1') })] })
      assert.deepEqual(await catalog.knownFiles([file('1'), file('2'), { path: bytes('other'), state: bytes('1') }]), [
        bytes('k'),
        undefined,
        undefined,
      ])
      await catalog.seal('x', [], [], { fingerprints: [print('k', a.pack, { content: undefined, file: file('2') })] })
      assert.deepEqual(await catalog.knownFiles([file('1'), file('2')]), [undefined, bytes('k')])
    },
  },
]
