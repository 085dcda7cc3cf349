/** `perdure gateway` */
import type { Command } from 'commander'
import type { GatewayAnswered } from '../../server/gateway.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { formatBytes, printable } from '../format.ts'
import { parseListen } from '../options.ts'

interface Options {
  readonly listen: { readonly host: string; readonly port: number }
  readonly verbose?: boolean
}

export function gatewayCommand(program: Command, run: Run): void {
  program
    .command('gateway')
    .description('serve public content on this machine as an IPFS gateway: blocks, CARs and files, until it is stopped')
    .option('--listen <address>', 'an address of this machine', parseListen, { host: '127.0.0.1', port: 8080 })
    .option('--verbose', 'a line for each request')
    .action(run(gateway))
}

async function gateway(context: CommandContext, { listen, verbose = false }: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  context.endsOnInterrupt()
  const { serveGateway } = await import('../../server/gateway.ts')
  // Lines are written one after the other, however fast requests come.
  let written = Promise.resolve()
  const onAnswer = (event: GatewayAnswered) => {
    written = written.then(() => reporter.line(event, { lines: () => [lineOf(event)], quiet: () => [] }))
    written.catch(() => undefined)
  }
  await using server = await serveGateway(archive, { ...listen, signal, onAnswer: verbose ? onAnswer : undefined })
  const { url } = server
  await reporter.line({ type: 'listening', url }, { lines: () => [`public content at ${url}/ipfs/CID`], quiet: () => [url] })
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await server.close()
  await written
  return EXIT.ok
}

function lineOf({ method, url, status, byteLength, cut, reason }: GatewayAnswered): string {
  const how = [...(cut ? ['cut off'] : []), ...(reason === undefined ? [] : [printable(reason)])].join(': ')
  return `${status}  ${method} ${printable(url)}  ${formatBytes(byteLength)}${how === '' ? '' : `  ${how}`}`
}
