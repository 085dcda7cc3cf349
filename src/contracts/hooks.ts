/** Hooks: who is told of events outside this process, and how far the telling has come. */
import type { ArchiveEventType, Severity } from './events.ts'
import type { AbortOptions } from './options.ts'

export interface HookFilter {
  /** Names it in the outbox: keep it when other settings change. */
  readonly id: string
  /** Only these types; default all of them. */
  readonly events?: readonly ArchiveEventType[] | undefined
  /** Default `notice`: whatever is wrong, and that it is right again. */
  readonly minSeverity?: Severity | undefined
  /** For how many days an event is tried before it is given up, default 7. */
  readonly giveUpDays?: number | undefined
  /** How many events may wait, default 10 000; beyond, the oldest of the least severe are dropped and counted. */
  readonly maxWaiting?: number | undefined
  /** How many events one delivery carries at most, default 20. */
  readonly batch?: number | undefined
  /** How long one delivery may take in milliseconds, default 10 000 for a webhook and 30 000 for a command. */
  readonly timeoutMs?: number | undefined
}

/** One address a host name stands for. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** A POST of JSON. Redirects are not followed, and addresses on private networks are refused. */
export interface WebhookConfig extends HookFilter {
  readonly type: 'webhook'
  /** `https:`; `http:` only with `allowPrivate`. */
  readonly url: string
  /** Key of the signature in `Perdure-Signature`; at least 16 characters. */
  readonly secret?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Allows addresses of this machine and of private networks, and plain HTTP. */
  readonly allowPrivate?: boolean | undefined
  /** Certificates (PEM) to trust instead of the system's. */
  readonly ca?: string | undefined
  /** Default: the system's resolver. What it answers is checked, and nothing else is connected to. */
  readonly lookup?: ((host: string) => Promise<readonly ResolvedAddress[]>) | undefined
}

/** A program that reads JSON on standard input. No shell is involved. */
export interface CommandHookConfig extends HookFilter {
  readonly type: 'command'
  /** The program and its arguments. No secrets: every user of the machine can read them. */
  readonly command: readonly string[]
  /** Variables it gets besides PATH, HOME, LANG and TZ. Those named PERDURE_… are refused. */
  readonly env?: readonly string[] | undefined
}

export type HookConfig = WebhookConfig | CommandHookConfig

/** Why a delivery failed. `refused`: the receiver answered that it will not have this event; `forbidden`: the address is not allowed. */
export type DeliveryFailure = 'unreachable' | 'timed-out' | 'answered' | 'refused' | 'forbidden' | 'not-found' | 'exit' | 'invalid'

/** How a hook is doing. */
export interface HookReport {
  readonly id: string
  readonly type: 'webhook' | 'command' | 'unconfigured'
  /** Host of the webhook, or the program's name: never the whole URL, which may be a secret. */
  readonly target?: string
  readonly waiting: number
  /** Since when the oldest event has been waiting. */
  readonly oldest?: string
  readonly delivered: number
  /** Given up after their time. */
  readonly givenUp: number
  /** Dropped because too many waited. */
  readonly dropped: number
  readonly lastDelivered?: string
  /** Deliveries in a row that failed. */
  readonly failures: number
  readonly failingSince?: string
  /** Not tried again before. */
  readonly retryAt?: string
  /** The last failure, in words of our own. */
  readonly failure?: string
}

export interface DeliverOptions extends AbortOptions {
  /** Begins no delivery after so many milliseconds, and cuts one that is under way, which then counts as failed; default 30 000. */
  readonly withinMs?: number | undefined
  /** Only this hook. */
  readonly hook?: string | undefined
  /** Also what is to be tried later only. */
  readonly now?: boolean | undefined
}

export interface DeliveryReport {
  readonly hooks: readonly {
    readonly id: string
    readonly delivered: number
    readonly waiting: number
    readonly givenUp: number
    /** Another process is delivering to it. */
    readonly busy?: true
    readonly failure?: string
  }[]
}

export interface HookTest {
  readonly id: string
  readonly ok: boolean
  readonly ms: number
  readonly detail?: string
}
