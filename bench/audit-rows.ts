/** The figures of audits, run in a process that can be ended and leaves nothing behind. */
import type { Row as AuditRow } from './audit.ts'
import type { Bench, Row } from './bench.ts'
import { childScript, ran } from './processes.ts'

const WANTED_SECONDS = 2
const WANTED_MIB = 300

export const bench: Bench = async (context) => {
  const { scratch, signal, quick } = context
  const folder = scratch.disk ?? scratch.memory
  if (folder === undefined) return []
  const script = await childScript(context, 'catalog')
  const count = quick ? 20_000 : 1_000_000
  const args = [script, new URL('audit.ts', import.meta.url).href, String(count)]
  const { stdout } = await ran(process.execPath, args, { signal, env: { TMPDIR: folder } })
  return (JSON.parse(stdout) as readonly AuditRow[]).map(({ figure, value }): Row => {
    const [amount = '', unit] = value.split(' ')
    const most = unit === 's' ? WANTED_SECONDS : WANTED_MIB
    return { figure, perdure: value, wanted: `under ${most} ${unit}`, met: Number(amount) < most }
  })
}
