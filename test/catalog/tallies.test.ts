import Sqlite from 'better-sqlite3'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { evidence, putOne } from '../../src/conformance/catalog-fixtures.ts'
import type { Verdict } from '../../src/contracts.ts'
import { freshPath, open } from './fixtures.ts'

const DAY = 86_400_000
const VERDICTS: readonly Verdict[] = ['intact', 'damaged', 'missing', 'unreachable', 'unproven']

const step = fc.record({
  what: fc.constantFrom('intend', 'place', 'drop', 'evidence', 'forget'),
  pack: fc.nat(2),
  vault: fc.constantFrom('v', 'w'),
  verdict: fc.constantFrom(...VERDICTS),
  retrieval: fc.constantFrom('none' as const, 'sampled' as const, 'whole' as const),
  day: fc.nat(3),
})

/** What a walk through all replicas would find. */
const RECOUNT = `select replicas.vault, replicas.state, coalesce(verdict, '') as verdict, coalesce(shown_at / ${DAY}, -1) as day,
  count(*) as replicas, sum(byte_length) as byte_length from replicas inner join packs on packs.id = replicas.pack
  group by 1, 2, 3, 4 order by 1, 2, 3, 4`

it('whatever is done to replicas in whatever order, the sums are what a recount finds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const path = await freshPath()
      const catalog = await open({ path })
      const puts = [
        await putOne(catalog, 'a', { count: 1 }),
        await putOne(catalog, 'b', { count: 2 }),
        await putOne(catalog, 'c', { count: 3 }),
      ]
      const gone = new Set<number>()
      for (const { what, pack: index, vault, verdict, retrieval, day } of steps) {
        const { pack, id } = puts[index] ?? { pack: 0, id: 0 }
        if (gone.has(pack)) continue
        if (what === 'intend') await catalog.intend(pack, vault, 1)
        else if (what === 'place') await catalog.placed(pack, vault, 'there', 1)
        else if (what === 'drop') await catalog.dropReplica(pack, vault)
        else if (what === 'evidence') {
          const rows = [evidence(pack, vault, day * DAY + 7, { verdict, retrieval }), evidence(pack, 'w', day * DAY + 8)]
          await catalog.recordEvidence(rows)
        } else {
          await catalog.forget(id)
          await catalog.dropPack(pack)
          gone.add(pack)
        }
      }
      await catalog.close()
      const db = new Sqlite(path)
      const kept = db.prepare('select * from replica_tallies order by vault, state, verdict, day').all()
      const counted = db.prepare(RECOUNT).all()
      db.close()
      expect(kept).toEqual(counted)
    }),
    { numRuns: 25 },
  )
})
