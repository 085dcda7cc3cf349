import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatMoney, formatMoneys } from '../../src/cli/money.ts'
import { place } from './run.ts'

const USD = { currency: 'USD', storagePerGiBMonth: 0.023, storagePerGiBOnce: 1024, egressPerGiB: 0.09 }

async function configured(more: object = {}, prices: object | undefined = USD) {
  const here = await place()
  const vaults = ['a', 'b', 'c'].map((id) => ({ type: 'directory', id, at: id, operator: id, ...(id === 'a' && prices && { prices }) }))
  await writeFile(join(here.cwd, 'perdure.json'), JSON.stringify({ vaults, ...more }))
  await writeFile(join(here.cwd, 'file.bin'), Buffer.alloc(100_000, 'x'))
  return here
}

describe('sums of money', () => {
  it.each([
    [{ amount: 12.345, currency: 'USD' }, '12.35 USD'],
    [{ amount: 0, currency: 'USD' }, '0.00 USD'],
    [{ amount: 0.000123, currency: 'USD' }, '0.00012 USD'],
    [{ amount: 3e-18, currency: 'AR' }, '0.000000000000000003 AR'],
  ])('%j is %s', (money, text) => expect(formatMoney(money)).toBe(text))

  it('stand beside each other', () => {
    expect(
      formatMoneys([
        { amount: 1, currency: 'EUR' },
        { amount: 2, currency: 'USD' },
      ]),
    ).toBe('1.00 EUR + 2.00 USD')
    expect(formatMoneys([])).toBe('nothing')
  })
})

describe('perdure estimate and perdure costs', () => {
  it('say what a put would cost before, and did cost after', async () => {
    await using here = await configured()
    const estimate = await here.json(['estimate', 'file.bin'])
    expect(estimate).toMatchObject({ code: 0, document: { files: 1, byteLength: 100_000, exact: true, upFront: [{ currency: 'USD' }] } })
    expect((await here.run(['costs'])).stdout).toContain('Nothing was spent yet.')
    expect((await here.run(['put', 'file.bin'])).code).toBe(0)
    const costs = await here.json(['costs'])
    const rows = costs.document.rows as { vault: string; activity: string; measured: { amount: number }[] }[]
    expect(rows.find(({ vault }) => vault === 'a')?.measured[0]?.amount).toBeCloseTo((100_000 / 1024 ** 3) * 1024, 2)
    const text = (await here.run(['costs'])).stdout
    expect(text).toMatch(/a +put .* USD/)
    expect(text).toMatch(/no prices are stated for b/)
    expect((await here.run(['estimate', 'file.bin', '--quick'])).stdout).toMatch(/at most/)
  })

  it('exit 3 where a limit would forbid it, and put is exhausted there', async () => {
    await using here = await configured({ limits: { perPut: { amount: 0.01, currency: 'USD' } } })
    const { code, stdout } = await here.run(['estimate', 'file.bin'])
    expect([code, stdout]).toEqual([3, expect.stringMatching(/over the limit.*limits\.perPut allows 0\.01 USD/)])
    const put = await here.json(['put', 'file.bin'])
    expect(put).toMatchObject({ code: 1, document: { error: { code: 'exhausted' } } })
  })

  it.each([
    [{ limits: { perPut: { amount: 'much', currency: 'USD' } } }, undefined, /limits\.perPut must be/],
    [{ limits: { perYear: { amount: 1, currency: 'USD' } } }, undefined, /limits\.perYear is not a limit/],
    [{}, { currency: 'USD', egres: 1 }, /prices has an unknown key "egres"/],
    [{}, { currency: 'us dollars' }, /currency must be a code/],
    [{}, { egressPerGiB: 'x', currency: 'USD' }, /egressPerGiB must be a number/],
  ])('refuse what is not meant: %j %j', async (more, prices, message) => {
    await using here = await configured(more, prices ?? USD)
    const { code, stderr } = await here.run(['costs'])
    expect(stderr).toMatch(message)
    expect(code).toBeGreaterThan(0)
  })
})

describe('perdure evacuate', () => {
  it('plans with exit code 3, evacuates with 0, and says that the vault may go', async () => {
    await using here = await configured()
    await here.run(['put', 'file.bin'])
    const plan = await here.run(['evacuate', 'a', '--plan'])
    expect([plan.code, plan.stdout]).toEqual([3, expect.stringMatching(/move {2}1 pack, .* to c/)])
    const done = await here.run(['evacuate', 'a', '--remove'])
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/left {2}a[\s\S]*nothing remains in a[\s\S]*may be taken out/)])
    const again = await here.json(['evacuate', 'a'])
    expect(again).toMatchObject({ code: 0, document: { vault: 'a', state: 'left', fates: { lost: 0 } } })
    expect((await here.run(['evacuate', 'a', '--cancel'])).code).toBe(0)
  })

  it('exits 2 where the policy cannot be met without it, 6 where something is lost, 2 for nonsense', async () => {
    await using here = await configured({ policy: { copies: 3 } })
    await here.run(['put', 'file.bin'])
    expect((await here.run(['evacuate', 'a'])).stderr).toMatch(/cannot be met without a.*--degrade/)
    expect((await here.run(['evacuate', 'a'])).code).toBe(2)
    expect((await here.run(['evacuate', 'a', '--plan', '--remove'])).code).toBe(2)
    expect((await here.run(['evacuate', 'nobody'])).code).toBe(2)
    for (const id of ['a', 'b', 'c']) await rm(join(here.cwd, id, 'packs'), { recursive: true })
    await here.run(['verify'])
    const lost = await here.run(['evacuate', 'a', '--degrade'])
    expect([lost.code, lost.stdout]).toEqual([6, expect.stringMatching(/lost {2}pack/)])
  })
})

describe('perdure drill', () => {
  it('restores and says how quickly, and exits 5 when a vault alone is not enough', async () => {
    await using here = await configured()
    expect((await here.run(['drill'])).stdout).toContain('nothing to restore')
    await here.run(['put', 'file.bin'])
    const drill = await here.run(['drill', '--vault', 'a', '--vault', 'b'])
    expect([drill.code, drill.stdout]).toEqual([0, expect.stringMatching(/from a alone: 1 file[\s\S]*from b alone[\s\S]*2 restored/)])
    await rm(join(here.cwd, 'a', 'packs'), { recursive: true })
    expect(await here.json(['drill', '--vault', 'a'])).toMatchObject({
      code: 5,
      document: { failed: 1, results: [{ outcome: 'failed', vault: 'a' }] },
    })
    expect((await here.run(['drill'])).code).toBe(0)
    expect((await here.run(['drill', '--seed', 'nonsense'])).code).toBe(2)
  })
})
