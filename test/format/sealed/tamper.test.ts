import { describe, expect, it } from 'vitest'
import { FormatError } from '../../../src/errors.ts'
import { nodeAead } from '../../../src/format/aead.ts'
import { parseHeader, writeHeader } from '../../../src/format/age-header.ts'
import { headerMac, payloadKey } from '../../../src/format/kdf.ts'
import { openSealed } from '../../../src/format/open.ts'
import { alice, bob, sealedLeaves } from './keys.ts'
import { drained, noise, pieces, random } from './pieces.ts'
import { validUnderBoth } from './two-keys.ts'

const identities = [alice.identity]
const plaintext = noise(983_040 + 200_000, 'tampered')
const leaves = await sealedLeaves(plaintext)
const file = new Uint8Array(Buffer.concat(leaves))
const header = parseHeader(file)?.byteLength ?? 0
const CHUNK = 65_552

/** Opening fails with a typed error, and what came before it is a true prefix of the content. */
async function refused(bytes: Uint8Array, what: string, longest = plaintext.byteLength): Promise<FormatError> {
  const { bytes: prefix, error } = await drained(openSealed(pieces(bytes, 500_000), identities))
  expect(error, what).toBeInstanceOf(FormatError)
  expect(prefix.equals(plaintext.subarray(0, prefix.byteLength)), `${what}: a prefix of the content`).toBe(true)
  expect(prefix.byteLength, what).toBeLessThanOrEqual(longest)
  return error as FormatError
}

const flipped = (bytes: Uint8Array, bit: number) => {
  const bent = bytes.slice()
  bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return bent
}

/** Plaintext that lies whole before the chunk that holds this byte of the file. */
const intactBefore = (offset: number) => Math.max(0, Math.floor((offset - header - 16) / CHUNK)) * 65_536

describe('a sealed file of three leaves', () => {
  it('has three leaves', () => {
    expect(leaves.map(({ byteLength }) => byteLength)).toEqual([header + 16, 983_280, 200_064])
  })

  it('is refused with any bit flipped where it is small: header, nonce, payload, and yields nothing', async () => {
    const small = new Uint8Array(Buffer.concat(await sealedLeaves(noise(20))))
    expect((await drained(openSealed(pieces(small, 100), identities))).error).toBe(undefined)
    for (let bit = 0; bit < small.byteLength * 8; bit++) await refused(flipped(small, bit), `bit ${bit}`, 0)
  }, 60_000)

  it('is refused with bits flipped all over its payload, and yields only the chunks before', async () => {
    const bits = new Set<number>()
    for (let bit = (header + 16) * 8 + 3; bit < file.byteLength * 8; bit += 8 * 9_973 + 1) bits.add(bit)
    // Every bit of the first and last tags.
    for (const end of [header + 16 + CHUNK, file.byteLength]) for (let bit = (end - 16) * 8; bit < end * 8; bit += 5) bits.add(bit)
    for (const bit of bits) {
      const { code } = await refused(flipped(file, bit), `bit ${bit}`, intactBefore(bit >> 3))
      expect(code, `bit ${bit}`).toBe('damaged')
    }
    expect(bits.size).toBeGreaterThan(150)
  }, 60_000)

  it('is refused when it is cut anywhere', async () => {
    const edges = [0, 1, 21, 22, header - 1, header, header + 1, header + 15, header + 16, header + 17, header + 31, header + 32]
    for (let chunk = 0; header + 16 + chunk * CHUNK < file.byteLength; chunk++) {
      const at = header + 16 + chunk * CHUNK
      edges.push(at - 1, at, at + 1, at + 15, at + 16, at + 17, at + CHUNK / 2)
    }
    for (const length of new Set([...edges, file.byteLength - 16, file.byteLength - 1])) {
      if (length < file.byteLength) await refused(file.subarray(0, length), `cut at ${length}`, intactBefore(length))
    }
  }, 60_000)

  it('is refused when anything follows it', async () => {
    for (const extra of [1, 15, 16, 17, CHUNK, CHUNK + 1]) {
      await refused(Buffer.concat([file, noise(extra)]), `${extra} more`)
      await refused(Buffer.concat([file, new Uint8Array(extra)]), `${extra} zeros more`)
    }
    await refused(Buffer.concat([file, file]), 'itself again')
    await refused(Buffer.concat([file, leaves[2] ?? new Uint8Array(0)]), 'its last leaf again')
  })

  it('is refused when leaves are swapped, dropped or there twice', async () => {
    const [a = 0, b = 1, c = 2] = [0, 1, 2]
    for (const order of [
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
      [a, b],
      [a, c],
      [b, c],
      [a],
      [b],
      [c],
      [a, a, b, c],
      [a, b, b, c],
      [a, b, c, c],
    ]) {
      await refused(Buffer.concat(order.map((leaf) => leaves[leaf] ?? new Uint8Array(0))), order.join())
    }
  })

  it('is refused when chunks within a leaf are swapped', async () => {
    const start = header + 16
    const chunk = (n: number) => file.subarray(start + n * CHUNK, start + (n + 1) * CHUNK)
    await refused(
      Buffer.concat([file.subarray(0, start), chunk(0), chunk(2), chunk(1), file.subarray(start + 3 * CHUNK)]),
      '1 and 2',
      65_536,
    )
  })

  it('is refused when its payload is that of another file for the same recipient', async () => {
    const [, other = file] = await sealedLeaves(noise(983_040 + 200_000, 'another'))
    await refused(Buffer.concat([leaves[0] ?? file, other, leaves[2] ?? file]), 'a leaf of another file', 0)
  })
})

describe('a file that was made to be read in two ways', () => {
  const keyOf = { alice: noise(16, 'file key of alice'), bob: noise(16, 'file key of bob') }
  const payloadNonce = noise(16, 'payload nonce')
  const lastChunk = new Uint8Array(12).with(11, 1)
  const chunk = validUnderBoth(payloadKey(keyOf.alice, payloadNonce), payloadKey(keyOf.bob, payloadNonce), lastChunk)

  it('is possible: one chunk opens under two payload keys, to different words', () => {
    const words = [keyOf.alice, keyOf.bob].map((fileKey) => {
      const out = new Uint8Array(32)
      expect(nodeAead.open(payloadKey(fileKey, payloadNonce), lastChunk, chunk, out)).toBe(true)
      return Buffer.from(out).toString('hex')
    })
    expect(words[0]).not.toBe(words[1])
  })

  it('opens for one of the two only: the header’s MAC holds under one file key', async () => {
    const stanzas = [...(await alice.recipient.wrapFileKey(keyOf.alice, random)), ...(await bob.recipient.wrapFileKey(keyOf.bob, random))]
    const forged = writeHeader(stanzas, (signed) => headerMac(keyOf.alice, signed))
    const bytes = Buffer.concat([forged, payloadNonce, chunk])
    const forAlice = await drained(openSealed(pieces(bytes, 100), [alice.identity]))
    expect(forAlice).toMatchObject({ error: undefined, bytes: { byteLength: 32 } })
    const forBob = await drained(openSealed(pieces(bytes, 100), [bob.identity]))
    expect(forBob).toMatchObject({ error: { code: 'damaged' }, bytes: { byteLength: 0 } })
  })
})
