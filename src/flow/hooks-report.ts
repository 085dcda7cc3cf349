/** How hooks are doing, for people. */
import type { HookConfig, HookReport, HookState } from '../contracts.ts'
import type { Context } from './context.ts'

/** How every hook is doing, those of the configuration first. */
export async function hookReports(context: Context): Promise<readonly HookReport[]> {
  const states = new Map((await context.catalog.hookStates()).map((state) => [state.hook, state]))
  const orphans = [...states.keys()].filter((id) => !context.hooks.some((hook) => hook.id === id))
  return [
    ...context.hooks.map((hook) => reportOf(hook.id, hook, states.get(hook.id))),
    ...orphans.map((id) => reportOf(id, undefined, states.get(id))),
  ]
}

function reportOf(id: string, hook: HookConfig | undefined, state: HookState | undefined): HookReport {
  const date = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())
  const { oldestAt, deliveredAt, failingSince, retryAt, failure } = state ?? {}
  const times = {
    oldest: date(oldestAt),
    lastDelivered: date(deliveredAt),
    failingSince: date(failingSince),
    retryAt: date(retryAt),
    failure,
  }
  return {
    id,
    type: hook?.type ?? 'unconfigured',
    ...(hook && { target: hook.type === 'webhook' ? new URL(hook.url).host : (hook.command[0] ?? '') }),
    waiting: state?.waiting ?? 0,
    delivered: state?.delivered ?? 0,
    givenUp: state?.givenUp ?? 0,
    dropped: state?.dropped ?? 0,
    failures: state?.failures ?? 0,
    ...(Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined)) as Partial<HookReport>),
  }
}
