import { createPublicKey, verify } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { Receipt } from '../../../src/contracts.ts'
import { openCheckpoint } from '../../../src/format/checkpoint.ts'
import { readLogBlock, readLogPart } from '../../../src/format/log-blocks.ts'
import { decodeEntry } from '../../../src/format/log-entry.ts'
import { verifyReceipt } from '../../../src/format/receipt.ts'
import { readIndexBlock } from '../../../src/format/record.ts'
import { fromMultikey } from '../../../src/format/sign.ts'
import { logGolden } from './golden.ts'

const FILE = new URL('../../vectors/log-v1.json', import.meta.url)
const vector = async () => JSON.parse(await readFile(FILE, 'utf8')) as Awaited<ReturnType<typeof logGolden>>
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

describe('the golden vectors of the log', () => {
  it('are what the code writes today, byte for byte', async () => {
    const now = JSON.parse(JSON.stringify(await logGolden()))
    if (process.env.PERDURE_WRITE_VECTORS === '1') await writeFile(FILE, `${JSON.stringify(now, null, 1)}\n`)
    expect(now).toEqual(await vector())
  })

  it('read with our own readers', async () => {
    const { origin, entries, checkpoints, index, block, receipt } = await vector()
    const publicKey = fromMultikey(origin.replace('perdure/', ''))
    expect((await Promise.all(checkpoints.map((note) => openCheckpoint(note, publicKey)))).map(({ size }) => size)).toEqual([0, 1, 4, 7])
    expect(entries.map((text) => decodeEntry(Buffer.from(text)).kind)).toEqual([
      'write',
      'repair',
      'renew',
      'audit',
      'recipients',
      'shred',
      'remove',
    ])
    const part = await readLogPart(readIndexBlock(hex(index)), publicKey)
    expect(part).toMatchObject({ first: 4, checkpoint: { size: 7 }, note: checkpoints[3] })
    expect(readLogBlock(hex(block)).map((entry) => Buffer.from(entry).toString())).toEqual(entries.slice(4))
    expect(await verifyReceipt(receipt as Receipt, receipt.archive)).toBe(true)
  })

  it('hold a checkpoint that Node’s own Ed25519 verifies by the verifier key alone, as the specification of signed notes has it', async () => {
    const { checkpoints, verifierKey } = await vector()
    const [name = '', id = '', encoded = ''] = verifierKey.split('+')
    const raw = Buffer.from(encoded, 'base64')
    expect([raw.length, raw[0]]).toEqual([33, 1])
    const [text = '', signatures = ''] = (checkpoints[3] ?? '').split('\n\n')
    const [, signer, base64 = ''] = /^— (\S+) (\S+)\n$/.exec(signatures) ?? []
    expect(signer).toBe(name)
    const bytes = Buffer.from(base64, 'base64')
    expect(bytes.subarray(0, 4).toString('hex')).toBe(id)
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.subarray(1).toString('base64url') }, format: 'jwk' })
    expect(verify(null, Buffer.from(`${text}\n`), key, bytes.subarray(4))).toBe(true)
  })
})
