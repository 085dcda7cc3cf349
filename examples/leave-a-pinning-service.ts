/**
 * The road out of a provider: content that lies behind a gateway is adopted under its own root, every block hashed, and kept by two vaults that are not IPFS.
 * The gateway here is another archive's own; in earnest it is that of the service you leave: `perdure import ipfs://CID --from https://gateway.example`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createArchive, directory, memory } from '../src/index.ts'
import { serveGateway } from '../src/server.ts'

const text = new TextEncoder()
const folder = await mkdtemp(join(tmpdir(), 'perdure-leave-'))
const at = (name: string) => join(folder, name)
try {
  await using theirs = await createArchive({ path: at('theirs'), vaults: [memory({ id: 'theirs' })], policy: { copies: 1, floor: 1 } })
  const pinned = await theirs.put([
    { path: 'token/1.json', content: text.encode(JSON.stringify({ name: 'One', image: 'one.svg' })) },
    { path: 'token/one.svg', content: text.encode('<svg xmlns="http://www.w3.org/2000/svg"/>') },
  ])
  await using gateway = await serveGateway(theirs, { port: 0 })
  console.log(`pinned elsewhere  ipfs://${pinned.root}`)

  await using ours = await createArchive({
    path: at('ours'),
    vaults: [
      directory({ id: 'disk', at: at('disk'), operator: 'us' }),
      directory({ id: 'friend', at: at('friend'), operator: 'a friend' }),
    ],
    policy: { copies: 2, floor: 2 },
  })
  // A gateway on this machine has to be allowed; those of the world do not.
  const { root, blocks, receipt } = await ours.import(`ipfs://${pinned.root}`, { from: gateway.url, allowPrivate: true })
  console.log(`imported          ${blocks} blocks, ${receipt.state}, the same root: ${root === pinned.root}`)

  await gateway.close()
  for await (const { path, byteLength } of ours.entries(root))
    if (byteLength > 0) console.log(`kept              ${path}, ${byteLength} bytes`)
  await using late = await createArchive({ path: at('late'), vaults: [memory({ id: 'late' })], policy: { copies: 1, floor: 1 } })
  await late.import(`ipfs://${pinned.root}`, { from: gateway.url, allowPrivate: true }).catch((error: Error & { code?: string }) => {
    console.log(`service gone      ${error.code}: nothing stored`)
  })
} finally {
  await rm(folder, { recursive: true, force: true })
}
