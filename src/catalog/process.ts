/** Who runs here: enough to tell a dead process from a living one that got its number. */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { codeOf } from './failures.ts'

export interface ProcessIdentity {
  /** The machine, and on Linux the pid namespace: numbers mean something only within it. */
  readonly host: string
  readonly pid: number
  /** Boot and start time; empty where the system does not tell. */
  readonly started: string
}

/** Field 22 of /proc/PID/stat, counted from behind the name, which may hold spaces and parentheses. */
const START_TIME_FIELD = 22 - 3

export function thisProcess(): ProcessIdentity {
  return { host: hostOf(), pid: process.pid, started: startOf(process.pid) }
}

/** Is that process of this machine known to be dead? Of another machine nothing is known. */
export function isDead({ host, pid, started }: ProcessIdentity): boolean {
  if (host !== hostOf()) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (codeOf(error) === 'ESRCH') return true
  }
  const now = startOf(pid)
  return started !== '' && now !== '' && now !== started
}

function hostOf(): string {
  return [hostname(), orEmpty(() => readlinkSync('/proc/self/ns/pid'))].join(' ').trim()
}

function startOf(pid: number): string {
  return orEmpty(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD]
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${ticks}`
  })
}

/** Not every system has /proc, and not every process may read it: then there is less to compare. */
function orEmpty(look: () => string): string {
  try {
    return look()
  } catch (error) {
    if (codeOf(error) === '') throw error
    return ''
  }
}
