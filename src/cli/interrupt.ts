/** Ctrl-C: the first asks the work to stop and leave everything resumable, the second ends the process at once. */
import { Interrupted } from './errors.ts'

export interface Interrupts {
  readonly signal: AbortSignal
  /** Gives the signals back. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Listens for both signals that ask a process to end; `onInterrupt` hears of the first. */
export function listenForInterrupts(onInterrupt: () => void): Interrupts {
  const controller = new AbortController()
  const release = () => {
    for (const name of SIGNALS) process.off(name, onSignal)
  }
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      release()
      process.kill(process.pid, name)
      return
    }
    controller.abort(new Interrupted())
    onInterrupt()
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return { signal: controller.signal, release }
}
