/** Cases of erasable packs and shredded objects. */
import assert from 'node:assert/strict'
import type { Catalog } from '../contracts.ts'
import { block, type CatalogCase, object, putOne, sealed, staged, withCode } from './catalog-fixtures.ts'

/** An erasable object: a block of content, then one of headers in a pack of its own. */
async function putErasable(catalog: Catalog, prefix: string) {
  const visibility = 'sealed' as const
  const content = await catalog.stagePack(staged(`${prefix} content`, 1, { owner: prefix, visibility }))
  const headers = await catalog.stagePack(staged(`${prefix} headers`, 1, { owner: prefix, visibility, erasable: true }))
  const extents = [
    { start: 0, pack: content, first: 0, count: 1 },
    { start: 1, pack: headers, first: 0, count: 1 },
  ]
  const [id = 0] = await catalog.seal(
    prefix,
    [sealed(`${prefix} content`, content), sealed(`${prefix} headers`, headers)],
    [object(prefix, extents, { visibility, erasable: true, attributes: Uint8Array.of(1) })],
  )
  return { id, content, headers, root: block(prefix) }
}

export const shredCases: readonly CatalogCase[] = [
  {
    name: 'packs of headers are known as such, read like others, and never offered for reuse',
    async run({ open, reopen }) {
      let catalog = await open()
      const { id, content, headers } = await putErasable(catalog, 'a')
      catalog = await reopen(catalog)
      assert.equal((await catalog.pack(headers))?.erasable, true)
      assert.equal((await catalog.pack(content))?.erasable, false)
      assert.equal((await catalog.objectById(id))?.erasable, true)
      const wanted = [block('a content 0'), block('a headers 0')]
      assert.equal((await catalog.findBlocks(wanted, { visibility: 'sealed' })).size, 2)
      const offered = await catalog.findBlocks(wanted, { visibility: 'sealed', reusable: true })
      assert.deepEqual([...offered.keys()], [block('a content 0').toString()])
    },
  },
  {
    name: 'shredding is remembered from its first moment, drops what is said of the object, and is complete once for good',
    async run({ open, reopen }) {
      let catalog = await open()
      const { id, content, headers, root } = await putErasable(catalog, 'a')
      assert.equal(await catalog.isShredded(headers), false)
      assert.equal(await catalog.shredOf(root), undefined)
      await assert.rejects(catalog.saveCertificate(root, { certificate: 'x', complete: true, at: 1 }), withCode('not-found'))
      assert.deepEqual(plain(await catalog.beginShred(id, 5)), { begunAt: 5, complete: false })
      assert.equal((await catalog.beginShred(id, 9)).begunAt, 5)
      catalog = await reopen(catalog)
      assert.equal((await catalog.objectById(id))?.shreddedAt, 5)
      assert.equal(await catalog.attributesOf(id), undefined)
      assert.equal(await catalog.isShredded(headers), true)
      assert.equal(await catalog.isShredded(content), false)
      await catalog.saveCertificate(root, { certificate: 'first', complete: false, at: 6 })
      assert.deepEqual(plain(await catalog.shredOf(root)), { begunAt: 5, complete: false, certificate: 'first' })
      await catalog.saveCertificate(root, { certificate: 'second', complete: true, at: 7 })
      await catalog.saveCertificate(root, { certificate: 'third', complete: false, at: 8 })
      assert.deepEqual(plain(await catalog.shredOf(root)), { begunAt: 5, complete: true, certificate: 'third' })
      await catalog.forget(id)
      assert.equal((await catalog.shredOf(root))?.certificate, 'third')
    },
  },
  {
    name: 'what took the place of a root is found by it, the newest first, also when the root is gone',
    async run({ open }) {
      const catalog = await open()
      const { id, root } = await putOne(catalog, 'a')
      assert.equal(await catalog.successorOf(root), undefined)
      await putOne(catalog, 'b', { supersedes: root })
      const newest = await putOne(catalog, 'c', { supersedes: root })
      await catalog.forget(id)
      const found = await catalog.successorOf(root)
      assert.equal(found?.id, newest.id)
      assert.equal(found?.supersedes?.toString(), root.toString())
    },
  },
  {
    name: 'only an erasable object can be shredded',
    async run({ open }) {
      const catalog = await open()
      const { id } = await putOne(catalog, 'a')
      await assert.rejects(catalog.beginShred(id, 1), withCode('conflict'))
      await assert.rejects(catalog.beginShred(id + 1, 1), withCode('not-found'))
    },
  },
]

function plain(row: Awaited<ReturnType<Catalog['shredOf']>>) {
  const { root: _, ...rest } = row ?? {}
  return rest
}
