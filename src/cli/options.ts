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

/** A whole number, 0 included. */
export function parseAmount(text: string): number {
  return text === '0' ? 0 : parseCount(text)
}

const SPANS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30s`, `15m`, `6h`, `1d`: milliseconds. */
export function parseSpan(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text.trim()) ?? []
  const ms = Math.round(Number(number) * (SPANS[unit] ?? Number.NaN))
  if (!Number.isSafeInteger(ms) || ms < 1_000)
    throw new InvalidArgumentError('It must be a time of at least a second such as 30s, 15m, 6h or 1d.')
  return ms
}

/** `22:00-06:00`. */
export function parseHours(text: string): { readonly from: string; readonly to: string } {
  const [, from, to] = /^(\d{2}:\d{2})-(\d{2}:\d{2})$/.exec(text.trim()) ?? []
  if (from === undefined || to === undefined) throw new InvalidArgumentError('It must be two times of day such as 22:00-06:00.')
  return { from, to }
}

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, or the port alone, on this machine. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text.trim()) ?? []
  const port = Number(digits ?? Number.NaN)
  if (!(port <= 65_535)) throw new InvalidArgumentError('It must be an address and a port of this machine such as 127.0.0.1:9464.')
  return { host: bracketed ?? plain ?? '127.0.0.1', port }
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
