/** Readers of option values. */
import { InvalidArgumentError, Option } from 'commander'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** `1500`, `64k`, `1.5 GiB`: bytes, units are powers of 1024. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? []
  const bytes = Number(number) * (UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN)
  if (!Number.isSafeInteger(Math.round(bytes)))
    throw new InvalidArgumentError('A size is a number of bytes, or one with a unit such as 64KiB or 1.5GiB.')
  return Math.round(bytes)
}

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number of at least 1.')
  return value
}

/** `0.99` or `99%`, strictly between 0 and 1. */
export function parseShare(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text.trim() === '' || !(value > 0 && value < 1)) throw new InvalidArgumentError('It must lie between 0 and 1, such as 0.99 or 99%.')
  return value
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

/** `2030-01-01`, the beginning of that day in UTC, or a moment of ISO 8601 with its time zone. */
export function parseMoment(text: string): Date {
  const moment = new Date(DAY.test(text) || /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : Number.NaN)
  if (Number.isNaN(moment.getTime()) || (DAY.test(text) && moment.toISOString().slice(0, 10) !== text))
    throw new InvalidArgumentError('It must be a day such as 2030-01-01, or a moment such as 2030-01-01T12:00:00Z.')
  return moment
}

/** Gathers an option that may be given several times. */
export function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** `--identity`, for commands that open sealed content. */
export function identityOption(): Option {
  return new Option(
    '--identity <file>',
    'a file of age identities that opens sealed content (repeatable); default $PERDURE_IDENTITY',
  ).argParser(gather)
}
