/** Packs of made-up bytes through one Arweave vault: `node arweave-put URL KEYFILE PACKS BYTES`. Prints how long it took, in milliseconds. */
import { createHash, randomBytes } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import type { Pack } from '../../src/contracts.ts'
import { arweave } from '../../src/vaults/arweave.ts'

const SHA256 = 0x12
const RAW = 0x55
const PIECE_BYTES = 1024 * 1024

const [, , url = '', keyFile = '', packs = '1', bytes = '0'] = process.argv
const piece = randomBytes(PIECE_BYTES)

/** Its name says nothing of its bytes, which nobody checks here: only that they pass. */
function made(number: number, byteLength: number): Pack {
  const name = CID.createV1(RAW, digest.create(SHA256, createHash('sha256').update(`${number}`).digest()))
  return {
    name,
    root: name,
    kind: 'content',
    byteLength,
    spans: async () => [],
    open: async function* ({ offset = 0 } = {}) {
      for (let at = offset; at < byteLength; ) {
        const from = at % PIECE_BYTES
        const part = piece.subarray(from, Math.min(PIECE_BYTES, from + byteLength - at))
        yield part
        at += part.byteLength
      }
    },
  }
}

const vault = arweave({ key: keyFile, gateways: [url] })
const startedAt = performance.now()
for (let number = 0; number < Number(packs); number++) await vault.put(made(number, Number(bytes)))
process.stdout.write(`${performance.now() - startedAt}`)
