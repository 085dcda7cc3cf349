/**
 * The signature of a webhook: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 over `SECONDS.BODY` with the shared secret. The time is signed with the body, so that
 * an old delivery cannot be played back for ever.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export const SIGNATURE_HEADER = 'perdure-signature'

const DEFAULT_TOLERANCE_SECONDS = 300
const MOST_CANDIDATES = 8

/** The value of the header. `at` in milliseconds since the epoch. */
export function signWebhook(body: string | Uint8Array, secret: string, at: number): string {
  const seconds = Math.floor(at / 1_000)
  return `t=${seconds},v1=${mac(body, secret, seconds).toString('hex')}`
}

export interface VerifyWebhookOptions {
  /** Milliseconds since the epoch; default now. */
  readonly at?: number | undefined
  /** How old, or how far ahead, a delivery may be; default 300. */
  readonly toleranceSeconds?: number | undefined
}

/** Was this body sent by whoever holds the secret, and lately? Give the body as it came, before it is parsed. Compares in constant time. */
export function verifyWebhook(body: string | Uint8Array, header: string, secret: string, options: VerifyWebhookOptions = {}): boolean {
  const { at = Date.now(), toleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = options
  const fields = header.split(',').map((field) => field.trim().split('='))
  const seconds = fields.find(([name]) => name === 't')?.[1] ?? ''
  if (!/^\d{1,15}$/.test(seconds) || Math.abs(at / 1_000 - Number(seconds)) > toleranceSeconds) return false
  const wanted = mac(body, secret, Number(seconds))
  const given = fields.filter(([name, value]) => name === 'v1' && /^[0-9a-f]{64}$/i.test(value ?? '')).slice(0, MOST_CANDIDATES)
  return given.some(([, value]) => timingSafeEqual(Buffer.from(value ?? '', 'hex'), wanted))
}

function mac(body: string | Uint8Array, secret: string, seconds: number): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest()
}
