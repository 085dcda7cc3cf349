/** `node gateway DOOR JSON`: puts a file into a new archive and serves it until standard input ends; prints where, as JSON. */
const [, , door = '', orders = '{}'] = process.argv
const { path, vault, source } = JSON.parse(orders) as { readonly path: string; readonly vault: string; readonly source: string }
const { createArchive, directory } = (await import(door)) as typeof import('../../src/index.ts')
const { serveGateway } = (await import(new URL('server.js', door).href)) as typeof import('../../src/server.ts')

await using archive = await createArchive({ path, vaults: [directory({ id: 'vault', at: vault })], policy: { copies: 1, floor: 1 } })
const { root, state } = await archive.put(source)
await using server = await serveGateway(archive, { port: 0 })
process.stdout.write(`${JSON.stringify({ url: `${server.url}/ipfs/${root}`, state })}\n`)
await new Promise((resolve) => process.stdin.resume().once('end', resolve).once('close', resolve))
