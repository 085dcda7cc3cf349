/** The optional packages: loaded once, and what is said when they cannot be. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { VaultError } from '../../../src/errors.ts'

afterEach(() => {
  vi.doUnmock('@filoz/synapse-core/abis')
  vi.doUnmock('@filoz/synapse-core/typed-data')
  vi.resetModules()
})

const fresh = async () => (await import('../../../src/vaults/filecoin/packages.ts')).packages

describe('the packages behind Filecoin', () => {
  it('are loaded once in a process', async () => {
    const packages = await fresh()
    const [first, second] = await Promise.all([packages('a'), packages('b')])
    expect(first).toBe(second)
    expect(first.abis.fwss.length).toBeGreaterThan(100)
    expect(first.chains.mainnet.id).toBe(314)
  })

  it('that are missing are named with what installs them, the cause kept', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    vi.doMock('@filoz/synapse-core/abis', () => {
      throw missing
    })
    const packages = await fresh()
    const error = await packages('deals').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'VaultError', code: 'unsupported', vault: 'deals' })
    expect((error as VaultError).message).toContain('npm install viem @filoz/synapse-core@0.5.2')
    expect((error as VaultError).cause).toBeDefined()
  })

  it('that are too unlike what is needed say what they lack', async () => {
    vi.doMock('@filoz/synapse-core/typed-data', () => ({
      signAddPieces: () => '0x',
      signSchedulePieceRemovals: undefined,
      signCreateDataSetAndAddPieces: () => '0x',
    }))
    const packages = await fresh()
    await expect(packages('deals')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/has no signSchedulePieceRemovals .*npm install/),
    })
  })

  it('are looked for again after a failure', async () => {
    vi.doMock('@filoz/synapse-core/abis', () => ({}))
    const packages = await fresh()
    await expect(packages('deals')).rejects.toMatchObject({ code: 'unsupported' })
    vi.doUnmock('@filoz/synapse-core/abis')
    expect((await packages('deals')).abis.fwss.length).toBeGreaterThan(100)
  })
})
