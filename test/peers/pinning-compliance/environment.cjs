/**
 * What the checker needs around it, loaded before it.
 *
 * - It reads the specification with a package that calls functions of `util` which Node 23 took away.
 * - It pins blocks that nobody has: their content is the time, `process.hrtime()` as text, and it shows nobody more than the hash. Here the time is a counter,
 *   so that a peer can have those blocks, and an honest service can really get what it says is pinned.
 */
const util = require('node:util')

for (const kind of ['number', 'string', 'boolean', 'function', 'undefined', 'symbol'])
  util[`is${kind[0].toUpperCase()}${kind.slice(1)}`] ??= (value) => typeof value === kind
util.isObject ??= (value) => value !== null && typeof value === 'object'
util.isNull ??= (value) => value === null
util.isNullOrUndefined ??= (value) => value === null || value === undefined
util.isPrimitive ??= (value) => !util.isObject(value) && !util.isFunction(value)
util.isRegExp ??= util.types.isRegExp
util.isDate ??= util.types.isDate
util.isError ??= (value) => value instanceof Error
util.isArray ??= Array.isArray
util.isBuffer ??= Buffer.isBuffer

const { hrtime } = process
let ticks = 0
process.hrtime = Object.assign((since) => (since === undefined ? [0, ticks++] : hrtime(since)), { bigint: hrtime.bigint })
