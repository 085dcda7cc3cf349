/** The fake contracts beside the interface that the package publishes: what a fake has must look to a caller as the real one does. */
import * as real from '@filoz/synapse-core/abis'
import { type Abi, type AbiEvent, type AbiFunction, toEventSelector, toFunctionSelector } from 'viem'
import { describe, expect, it } from 'vitest'
import { compiledContracts } from './filecoin/compile.ts'

const compiled = await compiledContracts()

/** By the contract's name. */
const contracts = [
  ['FakeUsdfc', real.erc20WithPermit],
  ['FakeFilecoinPay', real.filecoinPay],
  ['FakePdpVerifier', real.pdp],
  ['FakeWarmStorage', real.fwss],
  ['FakeWarmStorage', real.fwssView],
  ['FakeServiceProviderRegistry', real.serviceProviderRegistry],
  ['FakeProviderIdSet', real.providerIdSet],
] as const

const functionsOf = (abi: Abi) => abi.filter((item): item is AbiFunction => item.type === 'function')
const eventsOf = (abi: Abi) => abi.filter((item): item is AbiEvent => item.type === 'event')
const typesOf = (items: readonly { readonly type: string; readonly components?: readonly unknown[] }[]): unknown =>
  items.map(({ type, components }) => (components ? [type, typesOf(components as never)] : type))

describe.each(contracts)('%s', (name, abi) => {
  const fake = compiled.get(name)?.abi ?? []
  const theirs = new Map(functionsOf(abi as Abi).map((item) => [toFunctionSelector(item), item]))
  const shared = functionsOf(fake).filter((item) => theirs.has(toFunctionSelector(item)))

  it('answers with the types of the real one wherever it is called like it', () => {
    console.info(`${name} is a fake: ${shared.length} of ${theirs.size} functions of the real one`)
    expect(shared.length).toBeGreaterThan(2)
    for (const item of shared) {
      const other = theirs.get(toFunctionSelector(item))
      expect([item.name, typesOf(item.outputs)]).toEqual([item.name, typesOf(other?.outputs ?? [])])
      const isView = (one: AbiFunction | undefined) => one?.stateMutability === 'view' || one?.stateMutability === 'pure'
      expect(isView(item), `${item.name} changes nothing`).toBe(isView(other))
    }
  })

  it('has no function of a name that the real one has with other arguments', () => {
    const names = new Set([...theirs.values()].map((item) => item.name))
    const strange = functionsOf(fake).filter((item) => names.has(item.name) && !theirs.has(toFunctionSelector(item)))
    expect(strange.map((item) => item.name)).toEqual([])
  })

  it('has events as the real one has them', () => {
    const known = new Map(eventsOf(abi as Abi).map((item) => [item.name, item]))
    for (const item of eventsOf(fake)) {
      const other = known.get(item.name)
      if (!other) continue
      expect([item.name, toEventSelector(item), item.inputs.map(({ indexed }) => indexed)]).toEqual([
        item.name,
        toEventSelector(other),
        other.inputs.map(({ indexed }) => indexed),
      ])
    }
  })
})
