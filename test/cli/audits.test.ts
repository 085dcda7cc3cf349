/** Surveys, plans and quarantine on the command line. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { flip, noise } from '../flow/house.ts'
import { type Place, place } from './run.ts'

/** A folder of 60 files, stored in two directory vaults `a` and `b`. */
async function stored(config: object = {}): Promise<Place> {
  const at = await place()
  onTestFinished(() => at[Symbol.asyncDispose]())
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}`, operator: `operator-${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, ...config }))
  await mkdir(join(at.cwd, 'tree'))
  for (let index = 0; index < 60; index++) await writeFile(join(at.cwd, 'tree', `file-${index}`), noise(500 + index, `file ${index}`))
  expect((await at.run(['put', 'tree'])).code).toBe(0)
  return at
}

/** The only content pack of a vault, as a file. */
async function packOf({ cwd }: Place, vault: string): Promise<string> {
  const files = await readdir(join(cwd, vault, 'packs'), { recursive: true, withFileTypes: true })
  const [file] = files.filter((entry) => entry.isFile())
  return join(file?.parentPath ?? '', file?.name ?? '')
}

describe('survey', () => {
  it('says of each vault what the answers state, exits 0, and prints the same with --json', async () => {
    const at = await stored()
    const { code, stdout } = await at.run(['survey'])
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /clean {2}a {2}61 of 61 blocks drawn.*\n {2}All 61 blocks of the vault were read and intact at that time\.\nclean {2}b/,
      ),
    ])
    const { code: again, document } = await at.json(['survey', 'b'])
    expect([again, document]).toEqual([
      0,
      { surveys: [expect.objectContaining({ vault: 'b', state: 'clean', intact: 61, confidence: 1, losses: [] })] },
    ])
  })

  it('exits 5 for a loss and names the object; the vault is quarantined, until it is released', async () => {
    const at = await stored()
    await flip(await packOf(at, 'b'), 700)
    const { code, stdout } = await at.run(['survey'])
    const [, root = ''] = /block \d+ of pack \S+ (\S+)/.exec(stdout) ?? []
    expect([code, stdout]).toEqual([5, expect.stringMatching(/losses {2}b[\s\S]*damaged {2}block \d+ of pack/)])
    expect((await at.run(['status', root])).code).toBe(5)
    expect((await at.run(['vault', 'list'])).stdout).toMatch(/b .*quarantined since/)
    const { document } = await at.json(['vault', 'list'])
    expect(document.vaults).toMatchObject([
      { id: 'a', score: { integrity: 1 } },
      { id: 'b', score: { quarantine: { reason: expect.any(String) } } },
    ])
    expect((await at.run(['vault', 'release', 'b'])).stdout).toMatch(/out of quarantine/)
    expect((await at.run(['vault', 'list'])).stdout).toMatch(/b .*integrity 0\.9\d+, availability 1\.000/)
    expect((await at.run(['vault', 'release', 'nobody'])).code).toBe(2)
  })

  it('exits 4 when questions stay open, and takes confidence and loss together only', async () => {
    const at = await stored({ audit: { budget: { bytes: 20_000 } } })
    const { code, stdout } = await at.run(['survey', 'a'])
    expect([code, stdout]).toEqual([4, expect.stringMatching(/budget {2}a[\s\S]*audit budget of \d{4}-\d\d is 20000 bytes/)])
    expect((await at.run(['survey', '--loss', '0.1'])).code).toBe(2)
    expect((await at.run(['survey', 'nobody'])).code).toBe(2)
  })
})

describe('plan', () => {
  it('prints reads, bytes and money per vault and purpose, what holds and what is short', async () => {
    const at = await stored()
    const { code, stdout } = await at.run(['plan'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/purpose +reads +requests +bytes +money/)
    expect(stdout).toMatch(/^a +surveys +\d+/m)
    expect(stdout).toMatch(/holds {2}Surveys: a loss of 1 %/)
    expect(stdout).toMatch(/budget: no limit/)
    expect((await at.json(['plan'])).document).toMatchObject({ enough: true, goal: { withinDays: 30 }, covered: { rotation: 1 } })
  })

  it('exits 3 when the budget is too small, and says what that means', async () => {
    const at = await stored({ audit: { budget: { bytes: 0 } } })
    const { code, stdout } = await at.run(['plan'])
    expect([code, stdout]).toEqual([3, expect.stringMatching(/short {2}Nothing is read: the budget is 0\. Evidence lapses after 30 days/)])
  })

  it('refuses settings of audits that nobody knows, and values that cannot be', async () => {
    const at = await stored()
    for (const [audit, message] of [
      [{ goals: {} }, /audit has an unknown key "goals"; did you mean goal\?/],
      [{ goal: { within: 3 } }, /audit\.goal has an unknown key/],
      [{ goal: { loss: 2 } }, /audit\.goal\.loss is 2 and must lie between 0 and 1/],
    ] as const) {
      await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ audit }))
      expect(await at.run(['plan'])).toMatchObject({ code: 2, stderr: expect.stringMatching(message) })
    }
  })
})

it('verify --rotation reads what was not read yet, and only samples', async () => {
  const at = await stored()
  const verified = await at.json(['verify', '--rotation', '--sample', '9'])
  expect([verified.code, verified.document]).toMatchObject([0, { state: 'satisfied' }])
  expect((await at.run(['verify', '--rotation', '--level', 'whole'])).code).toBe(2)
})
