/**
 * `npm run bench [-- NAME… --quick --json --dist FOLDER]`: every figure beside its peer, measured in the same run, in one table. Exit code 1 when a
 * bench could not be done; a missed goal is in the table and no failure. The catalog and Arweave's tree are measured from source, everything else from the build.
 */
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bench as arweaveRoot } from './arweave-root.ts'
import { bench as arweaveUpload } from './arweave-upload.ts'
import { bench as audit } from './audit-rows.ts'
import type { Bench, BenchContext, Row } from './bench.ts'
import { bench as catalog, watchBench as watch } from './catalog-rows.ts'
import { bench as commp } from './commp.ts'
import { bench as gateway } from './gateway.ts'
import { bench as get } from './get.ts'
import { bench as importTime } from './import-time.ts'
import { bench as ipfsNode } from './ipfs-node.ts'
import { bench as memory } from './memory.ts'
import { rootFolder } from './processes.ts'
import { bench as put } from './put.ts'
import { bench as s3 } from './s3.ts'
import { openScratch } from './scratch.ts'
import { bench as sealed } from './sealed.ts'
import { bench as small } from './small.ts'
import { table } from './table.ts'
import { bench as verify } from './verify.ts'

const BENCHES: ReadonlyMap<string, Bench> = new Map(
  Object.entries({
    put,
    memory,
    get,
    verify,
    small,
    sealed,
    'import-time': importTime,
    catalog,
    audit,
    watch,
    s3,
    'ipfs-node': ipfsNode,
    gateway,
    'arweave-root': arweaveRoot,
    'arweave-upload': arweaveUpload,
    commp,
  }),
)
/** Above this, somebody else is at work here. */
const QUIET_LOAD = 0.5

interface Settings {
  readonly names: readonly string[]
  readonly quick: boolean
  readonly json: boolean
  readonly door: string
}

const say = (line: string) => void process.stderr.write(`${line}\n`)

function settingsOf(args: readonly string[]): Settings | string {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, dist: { type: 'string' } },
  })
  const unknown = positionals.filter((name) => !BENCHES.has(name))
  if (unknown.length > 0) return `no bench is called ${unknown.join(', ')}; there are ${[...BENCHES.keys()].join(', ')}`
  const door = resolve(values.dist ?? resolve(rootFolder, 'dist'), 'index.js')
  if (!existsSync(door)) return `${door} is not there; run \`npm run build\` first`
  const names = positionals.length > 0 ? positionals : [...BENCHES.keys()]
  return { names, quick: values.quick ?? false, json: values.json ?? false, door: pathToFileURL(door).href }
}

interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly node: string
  readonly load: number
  readonly quiet: boolean
}

function machineNow(): Machine {
  const load = loadavg()[0] ?? 0
  return { cores: availableParallelism(), cpu: cpus()[0]?.model ?? 'unknown', node: process.version, load, quiet: load <= QUIET_LOAD }
}

function machineLine({ cores, cpu, node, load, quiet }: Machine, quick: boolean): string {
  const line = `${cores} cores (${cpu}), node ${node}, load average ${load.toFixed(2)} at the start${quick ? ', quick mode' : ''}`
  return quiet ? line : `${line}\nNot comparable: the load was above ${QUIET_LOAD} before the first figure; run again on a quiet machine`
}

/** One bench that breaks does not take the others with it, except when the person wants all of it to end. */
async function runAll(
  names: readonly string[],
  context: BenchContext,
): Promise<{ readonly rows: readonly Row[]; readonly broken: boolean }> {
  const rows: Row[] = []
  let broken = false
  for (const name of names) {
    context.say(`${name} …`)
    try {
      rows.push(...((await BENCHES.get(name)?.(context)) ?? []))
    } catch (error) {
      context.signal.throwIfAborted()
      broken = true
      context.say(`${name} failed: ${error instanceof Error ? error.message : String(error)}`)
      rows.push({ figure: name, perdure: 'failed, see above' })
    }
  }
  return { rows, broken }
}

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args)
  if (typeof settings === 'string') {
    say(settings)
    return 2
  }
  const { names, quick, json, door } = settings
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal))
  const machine = machineNow()
  if (!machine.quiet) say(machineLine(machine, quick))
  const scratch = await openScratch()
  try {
    const { rows, broken } = await runAll(names, { quick, door, scratch, signal: stop.signal, say })
    const text = json ? JSON.stringify({ machine, quick, rows }, undefined, 2) : `\n${machineLine(machine, quick)}\n\n${table(rows)}`
    process.stdout.write(`${text}\n`)
    return broken ? 1 : 0
  } catch (error) {
    if (!stop.signal.aborted) throw error
    say('interrupted; nothing is left behind')
    return stop.signal.reason === 'SIGTERM' ? 143 : 130
  } finally {
    await scratch.remove()
  }
}

process.exitCode = await main(process.argv.slice(2))
