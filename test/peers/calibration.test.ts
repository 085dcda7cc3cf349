/**
 * The Filecoin vault on the calibration network, for whoever has a funded key there: PERDURE_CALIBRATION_KEY is the path of its file. It costs test tokens, and has
 * not been run by those who wrote it.
 */
import { expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds } from '../../src/conformance/vault-context.ts'
import { filecoin } from '../../src/filecoin.ts'

const key = process.env.PERDURE_CALIBRATION_KEY ?? ''
const rpc = process.env.PERDURE_CALIBRATION_RPC ?? 'https://api.calibration.node.glif.io/rpc/v1'
if (key === '')
  console.warn('SKIPPED, NOT RUN: the Filecoin vault on the calibration network; set PERDURE_CALIBRATION_KEY to the file of a funded key')

it.skipIf(key === '')(
  'puts a piece on the calibration network, reads it back, tells what its proofs are worth, and removes it',
  { timeout: 1_800_000 },
  async () => {
    const vault = filecoin({ key, rpc, chain: 'calibration' })
    await vault.open?.()
    const pack = await samplePack({ seed: `calibration ${Date.now()}` })
    const at = await vault.put(pack)
    expect(await vault.status(at)).toBe('held')
    await assertHolds(vault, at, pack)
    const attested = await vault.attest?.(at, { name: pack.name, seed: new Uint8Array(32) })
    expect(attested?.verdict, 'before its first period').toBe('unproven')
    await vault.remove?.(at)
    expect(await vault.status(at)).toBe('absent')
  },
)
