/** A token's picture and the metadata that names it by CID, stored together with a receipt for each: what a mint needs to keep. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createArchive, directory, verifyReceipt } from '../src/index.ts'

const work = await mkdtemp(join(tmpdir(), 'perdure-example-'))
try {
  await using archive = await createArchive({
    path: join(work, 'archive'),
    vaults: [directory({ id: 'disk-a', at: join(work, 'disk-a') }), directory({ id: 'disk-b', at: join(work, 'disk-b') })],
  })

  // The picture goes first, because the metadata contains its root.
  const picture = await readFile(new URL('./media/coast.png', import.meta.url))
  const image = await archive.put(picture, { name: 'coast.png', mediaType: 'image/png' })

  const tokens = Array.from({ length: 3 }, (_, id) => ({
    name: `Coast #${id + 1}`,
    image: `ipfs://${image.root}`,
    attributes: [{ trait_type: 'edition', value: id + 1 }],
  }))
  const entries = tokens.map((token, id) => ({ path: `${id + 1}.json`, content: new TextEncoder().encode(JSON.stringify(token)) }))
  const receipts = await archive.putAll(entries, { mediaType: 'application/json' })

  const packs = new Set(receipts.flatMap((receipt) => receipt.packs.map(({ name }) => name)))
  console.log(`image     ipfs://${image.root}`)
  for (const [index, receipt] of receipts.entries()) {
    const signed = (await verifyReceipt(receipt, archive.publicKey)) ? 'receipt valid' : 'RECEIPT INVALID'
    console.log(`token ${index + 1}   ipfs://${receipt.root}  ${receipt.state}, ${signed}`)
  }
  console.log(`${receipts.length} tokens in ${packs.size} shared pack`)
} finally {
  await rm(work, { recursive: true, force: true })
}
