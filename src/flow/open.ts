/** Opening and closing an archive: its parts are made here, once, and bound to the verbs. */
import { randomBytes } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CID } from 'multiformats/cid'
import { createPool } from '../bytes/pool.ts'
import { openCatalog } from '../catalog/open.ts'
import type { Archive, ArchiveConfig, DrillReport, ObjectRow, ObjectSummary, Receipt, ShredCertificate, Vault } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import { DEFAULT_MAX_PACK_BYTES } from '../format/pack.ts'
import { toMultikey } from '../format/sign.ts'
import { resolveAudit } from '../policy/audit.ts'
import { checkLimits } from '../policy/limits.ts'
import { checkReach, resolvePolicy } from '../policy/policy.ts'
import { directory } from '../vaults/directory.ts'
import { assess } from './assess.ts'
import { type Context, profilesOf } from './context.ts'
import { createEvents } from './events.ts'
import { explainArchive } from './explain.ts'
import { entries, get } from './get.ts'
import { archiveKey } from './keys.ts'
import { latencies } from './latency.ts'
import { openLedger } from './ledger.ts'
import { logVerbs } from './log-verbs.ts'
import { named } from './names.ts'
import { openVaults } from './open-vaults.ts'
import { put, putAll } from './put.ts'
import { RUN_BYTES } from './read-spans.ts'
import { otherVersionOf, pathBelow, referenceOf, wholeOf } from './references.ts'
import { prune, remove } from './remove.ts'
import { repair, repairAll } from './repair.ts'
import { releaseVault, scoresOf } from './scores.ts'
import { type SealingKeys, sealingKeys } from './sealing-keys.ts'
import { spending, spendingEach } from './spending.ts'
import { openSpool } from './spool.ts'
import { checkVault } from './vault-check.ts'
import { verify, verifyAll } from './verify.ts'
import { installedXattrs } from './xattr-access.ts'

const GIB = 1024 ** 3
const PAGE = 500
const SCRATCH_BUFFERS = 8

export async function openArchive(config: ArchiveConfig): Promise<Archive> {
  const context = await openContext(config)
  const found = async (root: CID | string) => objectOf(context, wholeOf(root))
  const within = async <Options extends { readonly path?: string | undefined }>(root: CID | string, options: Options | undefined) => {
    const { cid, path } = referenceOf(root)
    return { object: await objectOf(context, cid), options: { ...options, path: pathBelow(path, options?.path) } }
  }
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closeContext(context)
    return closed
  }
  return {
    path: context.path,
    publicKey: toMultikey(context.key.publicKey),
    policy: context.policy,
    vaults: profilesOf(context),
    put: (source, options) => put(context, source, options),
    putAll: (list, options) => putAll(context, list, options),
    import: async (source, options) => {
      const { importObject } = await import('./seldom.ts')
      return spending(context, 'put', (own) => importObject(own, source, options))
    },
    async *get(root, given) {
      const { object, options } = await within(root, given)
      yield* spendingEach(context, 'read', () => get(context, object, options))
    },
    async *entries(root, given) {
      const { object, options } = await within(root, given)
      yield* spendingEach(context, 'read', () => entries(context, object, options))
    },
    restore: async (root, target, given) => {
      const { restore } = await import('./restore.ts')
      const { object, options } = await within(root, given)
      return spending(context, 'read', (own) => restore(own, object, target, options))
    },
    objects: (options) => summaries(context, options),
    status: async (root) => {
      const { object } = await within(root, undefined)
      return { ...(await assess(context, object)).report, ...(await named(context, object)) }
    },
    totals: () => context.catalog.totals(context.clock()),
    verify: async (root, options) => verify(context, await found(root), options),
    verifyAll: (options) => verifyAll(context, options),
    repair: async (root, options) => repair(context, await found(root), options),
    repairAll: (options) => repairAll(context, options),
    shred: async (root, options) => {
      const { shred } = await import('./seldom.ts')
      return spending(context, 'remove', (own) => shred(own, wholeOf(root), options))
    },
    certificate: async (root) => {
      const saved = (await context.catalog.shredOf(wholeOf(root)))?.certificate
      return saved === undefined ? undefined : (JSON.parse(saved) as ShredCertificate)
    },
    recipients: async (root) => {
      const { recipientsOf } = await import('./seldom.ts')
      return recipientsOf(context, await found(root))
    },
    changeRecipients: async (root, options) => {
      const { changeRecipients } = await import('./seldom.ts')
      const object = await found(root)
      return spending(context, 'put', (own) => changeRecipients(own, object, options))
    },
    renew: async (root, options) => {
      const { renew } = await import('./seldom.ts')
      const object = root === undefined ? undefined : await found(root)
      return spending(context, 'renew', (own) => renew(own, object, options))
    },
    thaw: async (root, options) => {
      const { thaw } = await import('./seldom.ts')
      return thaw(context, await found(root), options)
    },
    watch: async (options) => {
      const { watch } = await import('./seldom.ts')
      return watch(context, options)
    },
    glance: async (options) => {
      const { glance } = await import('./seldom.ts')
      return glance(context, options)
    },
    rm: async (root, options) => {
      const object = await found(root)
      return spending(context, 'remove', (own) => remove(own, object, options))
    },
    prune: (options) => spending(context, 'remove', (own) => prune(own, options)),
    export: async (folder, options) => {
      const { exportBag } = await import('./seldom.ts')
      return spending(context, 'read', () => exportBag(context, resolve(folder), options))
    },
    unopened: () => [...context.unopened].map(([vault, { message }]) => ({ vault, reason: message })),
    explain: (options) => explainArchive(context, options),
    receipt: async (root) => {
      const saved = await context.catalog.receiptOf(wholeOf(root))
      return saved === undefined ? undefined : (JSON.parse(saved) as Receipt)
    },
    testVault: async (id, options) => checkVault(context, vaultOf(context, id), options),
    resetVault: async (id, options) => {
      const { resetVault } = await import('./seldom.ts')
      return resetVault(context, id, options)
    },
    evacuate: async (id, options) => {
      const { evacuate } = await import('./seldom.ts')
      return evacuate(context, id, options)
    },
    drill: async (options) => {
      const { drill } = await import('./seldom.ts')
      return drill(context, options)
    },
    lastDrill: async () => {
      const saved = await context.catalog.lastDrill()
      return saved && (JSON.parse(saved.report) as DrillReport)
    },
    estimate: async (source, options) => {
      const { estimate } = await import('./seldom.ts')
      return estimate(context, source, options)
    },
    costs: async (options) => {
      const { costs } = await import('./seldom.ts')
      return costs(context, options)
    },
    survey: async (id, options) => {
      const { surveyVault } = await import('./seldom.ts')
      return spending(context, 'survey', () => surveyVault(context, id, options))
    },
    auditStructure: async (id, options) => {
      const { auditStructure } = await import('./seldom.ts')
      return spending(context, 'survey', () => auditStructure(context, id, options))
    },
    planAudit: async () => {
      const { auditPlan } = await import('./seldom.ts')
      return auditPlan(context)
    },
    scores: async () => [...(await scoresOf(context)).values()],
    releaseVault: async (id) => {
      return releaseVault(context, id)
    },
    ...logVerbs(context),
    hooks: async () => {
      const { hookReports } = await import('./seldom.ts')
      return hookReports(context)
    },
    deliverHooks: async (options) => {
      const { deliverHooks } = await import('./seldom.ts')
      return deliverHooks(context, options)
    },
    testHook: async (id, options) => {
      const { testHook } = await import('./seldom.ts')
      return testHook(context, id, options)
    },
    metrics: async (options) => {
      const { metricsText } = await import('./seldom.ts')
      return metricsText(context, options)
    },
    health: async (options) => {
      const { healthOf } = await import('./seldom.ts')
      return healthOf(context, options)
    },
    serving: async () => {
      const { servingOf } = await import('./seldom.ts')
      return servingOf(context)
    },
    on: (listener) => context.events.subscribe(listener),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The parts of an archive without its verbs. */
export async function openContext(config: ArchiveConfig): Promise<Context> {
  const path = resolve(config.path ?? '.perdure')
  if (config.mustExist && (await stat(path).catch(() => undefined)) === undefined) {
    throw new ConfigError('not-found', `there is no archive at ${path}; put something first, or name the right folder`)
  }
  const policy = resolvePolicy(config.policy)
  const random = config.random ?? ((byteLength: number) => new Uint8Array(randomBytes(byteLength)))
  const clock = config.clock ?? Date.now
  const keys = await sealingKeys(config)
  const hooks = config.hooks ? (await import('./hooks-config.ts')).checkHooks(config.hooks) : []
  await mkdir(path, { recursive: true })
  const catalog = config.catalog ?? (await openCatalog({ path: join(path, 'catalog.sqlite'), clock }))
  try {
    const { vaults, unopened } = await openVaults(catalog, config.vaults ?? [directory({ id: 'local', at: join(path, 'vault') })])
    const profiles = [...vaults.values()].map(({ profile }) => profile)
    checkReach(policy, profiles)
    const audit = resolveAudit(config.audit, profiles)
    return await assemble(config, { path, policy, audit, random, clock, catalog, vaults, unopened, hooks, ...keys })
  } catch (error) {
    await catalog.close()
    throw error
  }
}

export type Known = Pick<Context, 'path' | 'policy' | 'audit' | 'random' | 'clock' | 'catalog' | 'vaults' | 'unopened' | 'hooks'> &
  SealingKeys

export async function assemble(config: ArchiveConfig, known: Known): Promise<Context> {
  const { path, random, catalog, clock } = known
  const limits = checkLimits(
    config.limits,
    [...known.vaults.values()].map(({ profile }) => profile),
  )
  const session = `${process.pid}-${Buffer.from(random(8)).toString('hex')}`
  const spool = await openSpool(join(path, 'spool'), catalog, session)
  await spool.collect()
  const ledger = openLedger(catalog, clock)
  const leaving = new Map((await catalog.evacuations()).map(({ vault, state }) => [vault, state]))
  const context: Context = {
    ...known,
    vaults: new Map([...known.vaults].map(([id, vault]) => [id, ledger.meter(vault)])),
    ledger,
    limits,
    leaving,
    spool,
    profile: config.profile ?? 'unixfs-v1-2025',
    maxPackBytes: config.maxPackBytes ?? DEFAULT_MAX_PACK_BYTES,
    spoolBytes: config.spoolBytes ?? 64 * GIB,
    timeoutMs: config.timeoutMs ?? 30_000,
    loadXattrs: config.loadXattrs ?? installedXattrs,
    key: await archiveKey(path, random),
    events: createEvents(catalog, known.hooks, known.clock),
    scratch: createPool({ byteLength: RUN_BYTES, count: SCRATCH_BUFFERS }),
    latencies: latencies(),
    background: new Set(),
    rebuilding: new Map(),
  }
  await scoresOf(context)
  return context
}

export async function closeContext(context: Context): Promise<void> {
  await Promise.allSettled([...context.background])
  await context.ledger.flush()
  try {
    for (const vault of context.vaults.values()) await vault.close?.()
    await context.spool.close()
  } finally {
    await context.catalog.close()
  }
}

async function objectOf(context: Context, root: CID): Promise<ObjectRow> {
  const object = await context.catalog.object(root)
  if (object) return object
  const other = otherVersionOf(root)
  const same = other && (await context.catalog.object(other))
  if (!same) throw await gone(context, root)
  return same
}

/** A root that is not there: what became of it, where that is known. */
async function gone({ catalog }: Context, root: CID): Promise<ArchiveError> {
  const successor = await catalog.successorOf(root)
  if (successor) return new ArchiveError('unknown-root', `${root} was sealed for other recipients; it is ${successor.root} now`)
  if (await catalog.shredOf(root))
    return new ArchiveError('shredded', `${root} was shredded and then forgotten; nobody can open it any more`)
  return new ArchiveError('unknown-root', `this archive holds no object ${root}; \`perdure ls\` lists what it holds`)
}

async function* summaries(context: Context, { state, signal }: Parameters<Archive['objects']>[0] = {}): AsyncGenerator<ObjectSummary> {
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = await context.catalog.objects({ after, limit: PAGE, state })
    for (const object of page) {
      const { root, kind, byteLength, state, createdAt, erasable, shreddedAt } = object
      yield {
        root: root.toString(),
        ...(await named(context, object)),
        kind,
        byteLength,
        state,
        created: new Date(createdAt).toISOString(),
        ...(erasable && { erasable }),
        ...(shreddedAt !== undefined && { shredded: new Date(shreddedAt).toISOString() }),
      }
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

function vaultOf(context: Context, id: string): Vault {
  const vault = context.vaults.get(id)
  if (!vault) throw new ConfigError('invalid', `no vault is called ${id}; configured: ${[...context.vaults.keys()].join(', ')}`)
  return vault
}
