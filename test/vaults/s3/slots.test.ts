import { describe, expect, it } from 'vitest'
import { slotsOf } from '../../../src/vaults/s3/slots.ts'

describe('slots', () => {
  it('are handed on in the order of asking, and never more than there are', async () => {
    const slots = slotsOf(2)
    const order: number[] = []
    const asked = [1, 2, 3, 4].map(async (number) => {
      await slots.take()
      order.push(number)
    })
    await Promise.all(asked.slice(0, 2))
    await new Promise(setImmediate)
    expect(order).toEqual([1, 2])
    slots.giveBack()
    await asked[2]
    await new Promise(setImmediate)
    expect(order).toEqual([1, 2, 3])
    slots.giveBack()
    await asked[3]
  })

  it('are not lost to one who stopped waiting', async () => {
    const slots = slotsOf(1)
    await slots.take()
    const stop = new AbortController()
    const impatient = slots.take(stop.signal)
    const patient = slots.take()
    stop.abort(new RangeError('enough'))
    await expect(impatient).rejects.toThrow('enough')
    slots.giveBack()
    await patient
    slots.giveBack()
    await slots.take()
    await expect(slots.take(AbortSignal.abort(new RangeError('late')))).rejects.toThrow('late')
  })
})
