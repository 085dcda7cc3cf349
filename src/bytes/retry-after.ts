/** How long a server asks to be left alone. */

/** Of a `Retry-After` header (RFC 9110), in milliseconds: seconds, or a date; a date in the past is no wait at all. */
export function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
