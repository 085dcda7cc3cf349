/** Colours, and the one place that decides whether there are any. */
import picocolors from 'picocolors'
import type { ObjectState, Verdict } from '../contracts.ts'
import type { Output } from './output.ts'

export type Style = ReturnType<typeof picocolors.createColors>

/** `NO_COLOR` (any non-empty value) wins, then `FORCE_COLOR`, then whether the stream is a terminal that knows colours. */
export function styleFor(output: Pick<Output, 'isTTY'>, env: Readonly<Record<string, string | undefined>>): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  return picocolors.createColors(!env.NO_COLOR && (forced || (output.isTTY && env.TERM !== 'dumb')))
}

/** A state in its colour. */
export function paintState(state: ObjectState, style: Style): string {
  if (state === 'satisfied') return style.green(state)
  return state === 'degraded' || state === 'unknown' ? style.yellow(state) : style.bold(style.red(state))
}

/** A verdict in its colour. */
export function paintVerdict(verdict: Verdict, style: Style): string {
  if (verdict === 'intact') return style.green(verdict)
  return verdict === 'damaged' || verdict === 'missing' ? style.red(verdict) : style.yellow(verdict)
}
