/** Stores bytes, reads all of them and a range of them back, and stores the same bytes again, which costs nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createArchive } from '../src/index.ts'

const work = await mkdtemp(join(tmpdir(), 'perdure-example-'))
try {
  await using archive = await createArchive({ path: join(work, 'archive') })
  const poem = new TextEncoder().encode('Things last that are looked after.\n'.repeat(100_000))

  const receipt = await archive.put(poem, { name: 'poem.txt', mediaType: 'text/plain' })
  console.log(`stored ${receipt.byteLength} bytes as ${receipt.root}`)

  let byteLength = 0
  for await (const bytes of archive.get(receipt.root)) byteLength += bytes.byteLength
  console.log(`read ${byteLength} bytes back, every block checked before it was handed over`)

  for await (const bytes of archive.get(receipt.root, { range: { offset: 7, length: 4 } }))
    console.log(`bytes 7 to 11: ${new TextDecoder().decode(bytes)}`)

  const again = await archive.put(poem)
  console.log(
    `stored again: ${again.root === receipt.root ? 'the same root' : 'ANOTHER ROOT'}, packs ${(await archive.totals()).packBytes < 2 * poem.byteLength ? 'shared' : 'DOUBLED'}`,
  )

  // The default is one vault inside the archive's own folder: one copy, and the receipt does not pretend otherwise.
  console.log(`state ${receipt.state}: ${receipt.missing.map(({ reason }) => reason).join(' ')}`)
} finally {
  await rm(work, { recursive: true, force: true })
}
