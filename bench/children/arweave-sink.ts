/** Takes a pack as a node would and keeps none of it, so that gigabytes can be sent: prints its address, and ends with its standard input. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const ANCHOR = 'a'.repeat(64)
const NOTHING_FOUND = JSON.stringify({ data: { transactions: { pageInfo: { hasNextPage: false }, edges: [] } } })

const ANSWERS: readonly (readonly [RegExp, string])[] = [
  [/^\/info$/, JSON.stringify({ height: 1_700_000 })],
  [/^\/tx_anchor$/, ANCHOR],
  [/^\/price\//, '1000'],
  [/^\/wallet\//, '1000000000000000000'],
  [/^\/graphql$/, NOTHING_FOUND],
  [/^\/(tx|chunk)$/, 'OK'],
]

const server = createServer((request, response) => {
  const answer = ANSWERS.find(([path]) => path.test(request.url ?? ''))?.[1]
  request.resume().once('end', () => response.writeHead(answer === undefined ? 404 : 200).end(answer))
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`))
process.stdin.resume().once('end', () => {
  server.close()
  server.closeAllConnections()
})
