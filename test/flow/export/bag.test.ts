/** The validator that our bags must pass, on other people's bags: LibraryOfCongress/bagit-conformance-suite @ 9ab4870, public domain, read beside the checkout. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { flawsOf } from './bag.ts'

const folder = fileURLToPath(new URL('../../../../shared/vectors/bagit/', import.meta.url))
const absent = !existsSync(folder)
if (absent)
  console.warn(`SKIPPED: bags of the BagIt conformance suite are not at ${folder}; the validator of exports was not checked against them`)

const bagsIn = (part: string): readonly string[] =>
  absent
    ? []
    : readdirSync(join(folder, part), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${part}/${name}`)

/** Of versions before 1.0 what says something about files that are listed; a bag with a fetch list is valid only when it was fetched. */
const OLD_INVALID = bagsIn('v0.97/invalid').filter((bag) => !/fetch|baginfo/.test(bag))
const OLD_VALID = bagsIn('v0.97/valid').filter((bag) => !/holey-bag|encoded-names/.test(bag))

describe.skipIf(absent)('the validator of bags', () => {
  it.each([...bagsIn('v1.0/valid'), ...OLD_VALID])('finds nothing wrong with %s', async (bag) => {
    expect(await flawsOf(join(folder, bag))).toEqual([])
  })

  it.each([...bagsIn('v1.0/invalid'), ...OLD_INVALID, ...bagsIn('v0.97/linux-only').filter((bag) => !bag.includes('fetch'))])(
    'finds what is wrong with %s',
    async (bag) => {
      expect(await flawsOf(join(folder, bag))).not.toEqual([])
    },
  )
})
