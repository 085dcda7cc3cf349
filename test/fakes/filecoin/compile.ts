/** Compiles the fake contracts with solc, once for the same sources: it takes seconds, so that the outcome is kept in the folder for temporary files. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Abi } from 'viem'
import type { Hex } from './types.ts'

export interface Compiled {
  readonly abi: Abi
  readonly bytecode: Hex
}

interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Readonly<
    Record<string, Readonly<Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>>>
  >
}

const folder = new URL('./contracts/', import.meta.url)
const settings = {
  optimizer: { enabled: true, runs: 1 },
  evmVersion: 'cancun',
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
}

let compiled: Promise<ReadonlyMap<string, Compiled>> | undefined

/** By the contract's name. */
export function compiledContracts(): Promise<ReadonlyMap<string, Compiled>> {
  compiled ??= kept()
  return compiled
}

async function kept(): Promise<ReadonlyMap<string, Compiled>> {
  const sources: Record<string, { readonly content: string }> = {}
  for (const name of (await readdir(folder)).sort()) sources[name] = { content: await readFile(new URL(name, folder), 'utf8') }
  const input = JSON.stringify({ language: 'Solidity', sources, settings })
  const cache = join(tmpdir(), 'perdure-fake-filecoin')
  const file = join(cache, `${createHash('sha256').update(input).digest('hex')}.json`)
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined) return new Map(JSON.parse(known) as [string, Compiled][])
  const contracts = compile(input)
  await mkdir(cache, { recursive: true })
  const part = `${file}.${randomUUID()}`
  await writeFile(part, JSON.stringify([...contracts]))
  await rename(part, file)
  return contracts
}

function compile(input: string): Map<string, Compiled> {
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string }
  const output = JSON.parse(solc.compile(input)) as Output
  const failed = output.errors?.filter((error) => error.severity === 'error') ?? []
  if (failed.length > 0) throw new Error(`the fake contracts do not compile:\n${failed.map((error) => error.formattedMessage).join('\n')}`)
  const contracts = new Map<string, Compiled>()
  for (const file of Object.values(output.contracts ?? {}))
    for (const [name, { abi, evm }] of Object.entries(file)) contracts.set(name, { abi, bytecode: `0x${evm.bytecode.object}` })
  return contracts
}
