/** Repeated timings of rivals, taken in turns so that both meet the same machine. */

export interface Times {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Works through all rivals once per round, in their order; each resolves to its own time in milliseconds. */
export async function alternate<Name extends string>(
  rounds: number,
  rivals: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Readonly<Record<Name, Times>>> {
  const names = Object.keys(rivals) as Name[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) for (const name of names) taken[name].push(await rivals[name]())
  return Object.fromEntries(names.map((name) => [name, timesOf(taken[name])])) as Record<Name, Times>
}

export function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, least: sorted[0] ?? 0, most: sorted.at(-1) ?? 0 }
}

/** Milliseconds that the work took. */
export async function clocked(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** `0.81 s (0.79–0.94)`: the median, and the range of the rounds. */
export function seconds({ median, least, most }: Times): string {
  const text = (ms: number) => (ms / 1000).toFixed(2)
  return `${text(median)} s (${text(least)}–${text(most)})`
}

/** `12 ms (11–15)`. */
export function milliseconds({ median, least, most }: Times): string {
  const digits = median < 10 ? 1 : 0
  return `${median.toFixed(digits)} ms (${least.toFixed(digits)}–${most.toFixed(digits)})`
}

/** `643 MiB/s` of the median. */
export function rate(byteLength: number, { median }: Times): string {
  return `${Math.round(byteLength / 1024 ** 2 / (median / 1000))} MiB/s`
}
