/** Cases of putting and finding. */
import assert from 'node:assert/strict'
import { block, type CatalogCase, object, putIndex, putOne, sealed, staged, toc, withCode } from './catalog-fixtures.ts'

export const putCases: readonly CatalogCase[] = [
  {
    name: 'a staged pack is seen by its owner only',
    async run({ open }) {
      const catalog = await open()
      const pack = await catalog.stagePack(staged('a', 3))
      const cids = [block('a 0'), block('a 2'), block('nowhere')]
      assert.equal((await catalog.findBlocks(cids, { owner: 'b' })).size, 0)
      assert.equal((await catalog.findBlocks(cids, { visibility: 'sealed', owner: 'a' })).size, 0)
      const found = await catalog.findBlocks(cids, { visibility: 'public', owner: 'a', reusable: true })
      assert.deepEqual([...found.keys()].sort(), [`${block('a 0')}`, `${block('a 2')}`].sort())
      const [place] = found.get(`${block('a 2')}`) ?? []
      assert.deepEqual({ ...place, cid: `${place?.cid}` }, { cid: `${block('a 2')}`, pack, ordinal: 2, offset: 259, length: 64 })
      assert.equal(await catalog.pack(pack), undefined)
      assert.deepEqual(await catalog.packs(), [])
      assert.deepEqual(await catalog.stagedOwners(), ['a'])
      assert.equal((await catalog.totals(0)).packs, 0)
      assert.equal(await catalog.dropStaged('a'), 1)
      assert.equal(await catalog.dropStaged('a'), 0)
      assert.equal((await catalog.findBlocks(cids, { owner: 'a' })).size, 0)
      assert.deepEqual(await catalog.stagedOwners(), [])
    },
  },
  {
    name: 'what was sealed is there after the catalog is opened again',
    async run({ open, reopen }) {
      let catalog = await open()
      const attributes = Uint8Array.of(1, 2, 3)
      const { pack, id, root } = await putOne(catalog, 'a', { name: 'A', mediaType: 'text/plain', attributes })
      catalog = await reopen(catalog)
      const row = await catalog.object(root)
      assert.deepEqual(
        { ...row, root: `${row?.root}` },
        {
          id,
          root: `${root}`,
          name: 'A',
          mediaType: 'text/plain',
          kind: 'file',
          byteLength: 1_000,
          blockCount: 4,
          profile: 'unixfs-v1-2025',
          visibility: 'public',
          createdAt: 1_000,
          state: 'at-risk',
          freshUntil: 0,
          sequence: 0,
          erasable: false,
        },
      )
      assert.deepEqual((await catalog.objectById(id))?.id, id)
      assert.deepEqual(await catalog.attributesOf(id), attributes)
      const { name, toc: bytes } = toc('a')
      assert.deepEqual(await catalog.tocOf(pack), bytes)
      const found = await catalog.packByName(name)
      assert.deepEqual(
        { ...found, name: `${found?.name}`, root: `${found?.root}` },
        {
          id: pack,
          name: `${name}`,
          root: `${block('a 0')}`,
          kind: 'content',
          visibility: 'public',
          byteLength: 459,
          blockCount: 4,
          spooled: true,
          erasable: false,
        },
      )
      assert.deepEqual(await catalog.packsOf(id), [found])
      assert.deepEqual(await catalog.stagedOwners(), [])
      assert.equal((await catalog.findBlocks([block('a 1')], { visibility: 'public', owner: 'other' })).size, 1)
    },
  },
  {
    name: 'absence is a value on every look-up',
    async run({ open }) {
      const catalog = await open()
      const cid = block('nothing')
      const found = [
        catalog.object(cid),
        catalog.objectById(7),
        catalog.attributesOf(7),
        catalog.pack(7),
        catalog.packByName(cid),
        catalog.tocOf(7),
      ]
      for (const answer of [
        ...found,
        catalog.extentAt(7, 0),
        catalog.receiptOf(cid),
        catalog.evidenceTotals(7, 'v'),
        catalog.journal(7, 'v').load(),
      ])
        assert.equal(await answer, undefined)
      const lists = [
        catalog.objects(),
        catalog.packs(),
        catalog.packsOf(7),
        catalog.extentsOf(7),
        catalog.objectsIn(7),
        catalog.replicasOf([7]),
      ]
      for (const list of [
        ...lists,
        catalog.replicasIn('v'),
        catalog.evidenceOf(7),
        catalog.packEvidence([7]),
        catalog.unansweredOf(7, 'v'),
      ])
        assert.deepEqual(await list, [])
      assert.equal((await catalog.findBlocks([], {})).size, 0)
      assert.deepEqual(await catalog.forget(7), { garbage: [], shared: [] })
      await catalog.dropPack(7)
      await catalog.dropReplica(7, 'v')
    },
  },
  {
    name: 'an object put again keeps its id and extents, and takes the name given anew',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a', { name: 'old', mediaType: 'text/plain' })
      const again = await catalog.stagePack(staged('again', 2))
      const extents = [{ start: 0, pack: again, first: 0, count: 2 }]
      assert.deepEqual(await catalog.seal('again', [sealed('again', again)], [object('a', extents, { name: 'new' })]), [id])
      const row = await catalog.objectById(id)
      assert.deepEqual([row?.name, row?.mediaType, row?.blockCount], ['new', 'text/plain', 4])
      assert.deepEqual(await catalog.extentsOf(id), [{ start: 0, pack, first: 0, count: 4 }])
      assert.deepEqual(
        (await catalog.garbage()).map((row) => row.id),
        [again],
      )
    },
  },
  {
    name: 'putting again what no vault can give any more moves the object to the new packs',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      await catalog.unspooled(pack)
      const again = await catalog.stagePack(staged('again', 4))
      const extents = [{ start: 0, pack: again, first: 0, count: 4 }]
      assert.deepEqual(await catalog.seal('again', [sealed('again', again)], [object('a', extents)]), [id])
      assert.deepEqual(await catalog.extentsOf(id), extents)
      assert.deepEqual(
        (await catalog.garbage()).map((row) => row.id),
        [pack],
      )
    },
  },
  {
    name: 'seal is all or nothing',
    async run({ open }) {
      const catalog = await open()
      const { pack: gone, id } = await putOne(catalog, 'gone')
      await catalog.forget(id)
      await catalog.dropPack(gone)
      const pack = await catalog.stagePack(staged('a', 2))
      const extents = [
        { start: 0, pack, first: 0, count: 2 },
        { start: 2, pack: gone, first: 0, count: 1 },
      ]
      const whole = [{ start: 0, pack, first: 0, count: 2 }]
      const call = catalog.seal('a', [sealed('a', pack)], [object('whole', whole), object('half', extents)])
      await assert.rejects(call, withCode('conflict'))
      assert.equal(await catalog.object(block('whole')), undefined)
      assert.deepEqual(await catalog.stagedOwners(), ['a'])
      await assert.rejects(catalog.seal('b', [sealed('a', pack)], [object('whole', whole)]), withCode('conflict'))
      await assert.rejects(catalog.seal('b', [], [object('whole', whole)]), withCode('conflict'))
      assert.equal((await catalog.seal('a', [sealed('a', pack)], [object('whole', whole)])).length, 1)
    },
  },
  {
    name: 'two puts of the same content end with one pack and one object',
    async run({ open }) {
      const catalog = await open()
      const first = await catalog.stagePack(staged('a', 2, { owner: 'one' }))
      const second = await catalog.stagePack(staged('a', 2, { owner: 'two' }))
      const extents = (pack: number) => [{ start: 0, pack, first: 0, count: 2 }]
      const [one] = await catalog.seal('one', [sealed('a', first)], [object('a', extents(first))])
      const [two, other] = await catalog.seal(
        'two',
        [sealed('a', second)],
        [object('a', extents(second)), object('other', extents(second)), object('other', extents(second))],
      )
      assert.equal(one, two)
      assert.deepEqual(await catalog.extentsOf(other ?? 0), extents(first))
      assert.equal((await catalog.packs()).length, 1)
      assert.equal((await catalog.objects()).length, 2)
      assert.deepEqual(await catalog.garbage(), [])
    },
  },
  {
    name: 'extents are found by block number and by pack',
    async run({ open }) {
      const catalog = await open()
      const first = await catalog.stagePack(staged('a', 10, { owner: 'put' }))
      const second = await catalog.stagePack(staged('b', 10, { owner: 'put' }))
      const extents = [
        { start: 0, pack: first, first: 2, count: 3 },
        { start: 3, pack: second, first: 0, count: 10 },
        { start: 13, pack: first, first: 9, count: 1 },
      ]
      const [id = 0] = await catalog.seal('put', [sealed('a', first), sealed('b', second)], [object('o', extents)])
      assert.deepEqual(await catalog.extentsOf(id), extents)
      assert.deepEqual(await catalog.extentsOf(id, { after: 0, limit: 1 }), extents.slice(1, 2))
      assert.deepEqual(await catalog.extentsOf(id, { pack: first }), [extents[0], extents[2]])
      for (const [index, at] of [
        [0, 0],
        [2, 0],
        [3, 1],
        [12, 1],
        [13, 2],
      ] as const)
        assert.deepEqual(await catalog.extentAt(id, index), extents[at])
      assert.equal(await catalog.extentAt(id, 14), undefined)
      assert.deepEqual(
        (await catalog.packsOf(id)).map((pack) => pack.id),
        [first, second],
      )
      assert.deepEqual(await catalog.objectsIn(first), [id])
      assert.deepEqual(await catalog.objectsIn(first, { after: id }), [])
    },
  },
  {
    name: 'pages join to the whole, whatever their length',
    async run({ open }) {
      const catalog = await open()
      for (let index = 0; index < 7; index++) {
        const { id, pack } = await putOne(catalog, `a${index}`, { count: 1 })
        if (index % 2 === 0) await catalog.unspooled(pack)
        await catalog.setStates([{ object: id, state: index % 3 === 0 ? 'degraded' : 'satisfied', freshUntil: 5 }])
      }
      await putIndex(catalog, 'index')
      const walk = async <T extends { readonly id: number }>(page: (after: number) => Promise<readonly T[]>) => {
        const ids: number[] = []
        for (let rows = await page(0); rows.length > 0; rows = await page(ids.at(-1) ?? 0)) ids.push(...rows.map(({ id }) => id))
        return ids.length
      }
      for (const limit of [1, 2, 100]) {
        assert.equal(await walk((after) => catalog.objects({ after, limit })), 7)
        assert.equal(await walk((after) => catalog.objects({ after, limit, state: 'degraded' })), 3)
        assert.equal(await walk((after) => catalog.packs({ after, limit })), 8)
        assert.equal(await walk((after) => catalog.packs({ after, limit, spooled: true, kind: 'content' })), 3)
        assert.equal(await walk((after) => catalog.packs({ after, limit, kind: 'index' })), 1)
      }
    },
  },
]
