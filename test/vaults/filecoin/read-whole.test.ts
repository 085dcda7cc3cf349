import { expect, it } from 'vitest'
import { createPieceHasher, pieceOf } from '../../../src/format/commp-native.ts'
import { padded } from '../../../src/vaults/filecoin/padded.ts'
import { hashedWhole } from '../../../src/vaults/filecoin/read-whole.ts'
import { noise } from '../../flow/house.ts'

async function* cut(bytes: Uint8Array, at: number) {
  for (let from = 0; from < bytes.byteLength; from += at) yield bytes.subarray(from, from + at)
}

const settings = { id: 'filecoin', newHasher: createPieceHasher }

it.each([1, 126, 127, 128, 1000, 300_000])(
  'gives %s bytes back that are the piece, and says of changed ones that they are not',
  async (byteLength) => {
    const bytes = noise(byteLength, 'whole')
    const { v2: cid } = await pieceOf(padded(cut(bytes, 1000), byteLength))
    const at = { cid, byteLength, dataSetId: 1n, pieceId: 2n }
    const gathered = async (source: Uint8Array) => {
      const parts: Uint8Array[] = []
      for await (const part of hashedWhole(settings, at, cut(source, 777))) parts.push(part)
      return Buffer.concat(parts)
    }
    expect((await gathered(bytes)).equals(bytes)).toBe(true)
    const changed = Buffer.from(bytes)
    changed[byteLength - 1] = (changed[byteLength - 1] ?? 0) ^ 1
    await expect(gathered(changed)).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining(`${cid}`) })
  },
)
