/** Quiet hours: a part of the day in which nothing that can wait is done. */
import type { QuietHours } from '../contracts/watch.ts'
import { PolicyError } from '../errors.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/

export interface Quiet {
  /** When the quiet that holds at that moment ends, to the minute; undefined outside it. */
  endsAt(at: number): number | undefined
}

/** Throws PolicyError `invalid` for a time that is none, a zone that the system does not know, and hours that would never end. */
export function quietHours(input: QuietHours | undefined): Quiet {
  if (input === undefined) return { endsAt: () => undefined }
  const from = minutesOf('from', input.from)
  const to = minutesOf('to', input.to)
  if (from === to)
    throw new PolicyError('invalid', `quiet hours from ${input.from} to ${input.to} never begin or never end; give two times`)
  const minuteAt = dayClock(input.timeZone)
  return {
    endsAt(at) {
      const minute = minuteAt(at)
      const isQuiet = from < to ? minute >= from && minute < to : minute >= from || minute < to
      if (!isQuiet) return undefined
      const left = (to - minute + DAY_MINUTES) % DAY_MINUTES
      // Where the clock is changed on the way the end is off by an hour, and is looked at again when it comes.
      return Math.floor(at / MINUTE_MS) * MINUTE_MS + left * MINUTE_MS
    },
  }
}

function minutesOf(field: string, time: string): number {
  const [, hours, minutes] = TIME.exec(time) ?? []
  if (hours === undefined) throw new PolicyError('invalid', `quietHours.${field} is ${JSON.stringify(time)}; write a time of day as 22:00`)
  return Number(hours) * 60 + Number(minutes)
}

/** Minute of the day in a time zone; default the machine's. */
function dayClock(timeZone: string | undefined): (at: number) => number {
  const format = formatOf(timeZone)
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    return (parts.get('hour') ?? 0) * 60 + (parts.get('minute') ?? 0)
  }
}

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone })
  } catch (cause) {
    throw new PolicyError('invalid', `quietHours.timeZone is ${timeZone}; write one such as Europe/Berlin or UTC`, { cause })
  }
}
