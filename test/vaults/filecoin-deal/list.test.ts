import { chmod, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { VaultError } from '../../../src/errors.ts'
import { type FilecoinDeal, filecoinDeal } from '../../../src/vaults/filecoin-deal.ts'
import { codeOf } from '../code-of.ts'
import { CLAIM, DEAL, PROVIDER, watched } from './on-fake.ts'

async function listFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-deals-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'deals.json')
}

function refusalOf(make: () => unknown): string {
  try {
    make()
    return 'none'
  } catch (error) {
    return error instanceof VaultError ? `${error.code}: ${error.message}` : String(error)
  }
}

describe('the list of deals', () => {
  it('gives each pack a locator that says by which deal and piece, and nothing for what is not listed', async () => {
    const { vaultOf, listed, pack, piece } = await watched()
    expect(await vaultOf().locate(pack.name)).toBe(`claim:${PROVIDER}:${CLAIM}:${piece.v1}:${pack.byteLength}`)
    expect(await vaultOf({ deals: [listed.deal] }).locate(pack.name)).toBe(`deal:${DEAL}:${piece.v1}:${pack.byteLength}`)
    expect(await vaultOf().locate((await samplePack({ seed: 'other' })).name)).toBeUndefined()
  })

  it('lists packs once, by the last entry of each, and by kind', async () => {
    const { vaultOf, listed, pack } = await watched()
    const all = async (options = {}) => Array.fromAsync(vaultOf({ deals: [listed.claim, listed.deal] }).list?.(options) ?? [])
    expect(await all()).toMatchObject([{ kind: 'content', at: expect.stringMatching(/^deal:99:/), byteLength: pack.byteLength }])
    expect(await all({ kind: 'index' })).toEqual([])
  })

  it('in a file is read again when it has changed, and never taken for empty', async () => {
    const { vaultOf, listed, pack } = await watched()
    const path = await listFile()
    const vault = vaultOf({ deals: path })
    expect(await codeOf(vault.locate(pack.name))).toBe('unreachable')
    await writeFile(path, '[]')
    expect(await vault.locate(pack.name)).toBeUndefined()
    await writeFile(path, JSON.stringify([listed.claim]))
    expect(await vault.locate(pack.name)).toMatch(/^claim:/)
    await writeFile(path, JSON.stringify([listed.deal]))
    await utimes(path, new Date(), new Date(Date.now() + 60_000))
    expect(await vault.locate(pack.name)).toMatch(/^deal:/)
    await writeFile(path, '[{')
    expect(await codeOf(vault.locate(pack.name))).toBe('invalid')
    await rm(path)
    expect(await codeOf(vault.locate(pack.name))).toBe('unreachable')
  })

  it.skipIf(process.getuid?.() === 0)('that may not be read is denied', async () => {
    const { vaultOf, pack } = await watched()
    const path = await listFile()
    await writeFile(path, '[]')
    await chmod(path, 0o000)
    expect(await codeOf(vaultOf({ deals: path }).locate(pack.name))).toBe('denied')
  })

  it('is refused where an entry cannot be, with its place and what is wrong', async () => {
    const { vaultOf, listed, piece } = await watched()
    const refused = (change: object) => refusalOf(() => vaultOf({ deals: [listed.claim, { ...listed.claim, ...change } as FilecoinDeal] }))
    expect(refused({ pack: 'x' })).toMatch(/^invalid: .*deals\[1\] needs `pack`/)
    expect(refused({ pieceCid: listed.claim.pack })).toMatch(/needs `pieceCid`/)
    expect(refused({ byteLength: 0 })).toMatch(/needs `byteLength`/)
    expect(refused({ pieceCid: piece.v2, byteLength: listed.claim.byteLength + 1 })).toMatch(/its pieceCid that it has \d+/)
    expect(refused({ claim: undefined })).toMatch(/either `claim` or `deal`/)
    expect(refused({ deal: { id: 1 } })).toMatch(/either `claim` or `deal`/)
    expect(refused({ claim: { provider: 'f1abc', id: 5 } })).toMatch(/`claim` must be/)
    expect(refused({ claim: { provider: PROVIDER, id: -1 } })).toMatch(/`claim` must be/)
    expect(refused({ claim: undefined, deal: { id: '99' } })).toMatch(/`deal` must be/)
    expect(refused({ until: 'soon' })).toMatch(/`until` is no date/)
    expect(refused({ untl: '2030-01-01' })).toMatch(/unknown key "untl"/)
    expect(refused({ kind: 'other' })).toMatch(/content or index/)
    expect(refused({})).toBe('none')
  })

  it('and options are checked before anything is asked', () => {
    const rpc = 'https://node.example/rpc/v1'
    expect(refusalOf(() => filecoinDeal({ rpc: 'node.example', deals: [] }))).toMatch(/`rpc` must be/)
    expect(refusalOf(() => filecoinDeal({ rpc: 'https://me:secret@node.example', deals: [] }))).toMatch(/`rpc` must be(?!.*secret)/)
    expect(refusalOf(() => filecoinDeal({ rpc, deals: '' }))).toMatch(/`deals` is missing/)
    expect(refusalOf(() => filecoinDeal({ rpc, deals: {} as unknown as string }))).toMatch(/`deals` must be a list/)
    expect(refusalOf(() => filecoinDeal({ rpc, deals: [], horizonDays: -1 }))).toMatch(/horizonDays/)
    expect(refusalOf(() => filecoinDeal({ rpc, deals: [], timeoutMs: 0 }))).toMatch(/timeoutMs/)
    expect(refusalOf(() => filecoinDeal({ rpc, deals: [], id: 'No' }))).toMatch(/not a vault id/)
  })
})
