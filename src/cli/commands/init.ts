/** `perdure init` */
import { access, open } from 'node:fs/promises'
import { basename, dirname, relative, resolve, sep } from 'node:path'
import type { Command } from 'commander'
import { ConfigError } from '../../errors.ts'
import { DEFAULT_CONFIG_FILE } from '../config.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { count, printable } from '../format.ts'
import { gather } from '../options.ts'
import { VAULT_TYPES } from '../vault-types.ts'

/** The vault of the embedded default, relative to the configuration: kept when vaults are added, so that what it holds still counts. */
export const EMBEDDED_VAULT = { type: 'directory', id: 'local', at: './.perdure/vault' } as const

interface Options {
  readonly vault?: readonly string[]
}

interface VaultEntry {
  readonly type: string
  readonly id: string
  readonly at: string
}

export function initCommand(program: Command, run: Run): void {
  program
    .command('init')
    .description('write perdure.json; a file that is there already is never touched')
    .option('--vault <type:path>', 'a vault, e.g. directory:/mnt/disk2/perdure (repeatable)', gather)
    .action(run(init))
}

async function init(context: CommandContext, { vault = [] }: Options): Promise<ExitCode> {
  const file = resolve(context.cwd, context.configFile ?? DEFAULT_CONFIG_FILE)
  const folder = dirname(file)
  const given = vault.map((text) => parseVault(text, { cwd: context.cwd, folder }))
  const vaults = uniqueIds(given.length < 2 || (await exists(resolve(folder, EMBEDDED_VAULT.at))) ? [EMBEDDED_VAULT, ...given] : given)
  const config = { path: '.perdure', vaults, policy: { copies: 2, floor: 1, evidence: { accept: ['sampled', 'whole'], maxAgeDays: 30 } } }
  await writeNew(file, `${JSON.stringify(config, null, 2)}\n`)
  await context.reporter.result(
    { file, ...config },
    {
      lines: (style) => [
        `${style.green('wrote')}  ${printable(file)}`,
        ...vaults.map(({ id, at }) => `  ${printable(id)}  ${printable(at)}`),
        advice(vaults),
      ],
    },
  )
  return EXIT.ok
}

function advice(vaults: readonly VaultEntry[]): string {
  if (vaults.length < 2) return 'One local copy is degraded under a policy of two: add a second vault on another disk to the file.'
  return `${count(vaults.length, 'vault')}; \`perdure vault test\` tries them, \`perdure explain\` shows what the policy makes of them.`
}

/** `TYPE:PATH`. Paths inside the configuration's folder are written relative to it, so that the folder can be moved. */
function parseVault(text: string, { cwd, folder }: { readonly cwd: string; readonly folder: string }): VaultEntry {
  const colon = text.indexOf(':')
  const type = text.slice(0, Math.max(0, colon))
  if (VAULT_TYPES[type]?.shape.at !== 'path' || colon === text.length - 1) {
    throw new UsageError(`--vault takes TYPE:PATH, such as directory:/mnt/disk2/perdure, not ${JSON.stringify(text)}`)
  }
  const at = resolve(cwd, text.slice(colon + 1))
  const inside = relative(folder, at)
  const id = basename(at)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return { type, id: id === '' ? type : id, at: inside === '' || inside.startsWith('..') ? at : `./${inside.split(sep).join('/')}` }
}

/** Two folders of one name get ids of their own. */
function uniqueIds(vaults: readonly VaultEntry[]): VaultEntry[] {
  const taken = new Set<string>()
  return vaults.map((vault) => {
    let id = vault.id
    for (let n = 2; taken.has(id); n++) id = `${vault.id}-${n}`
    taken.add(id)
    return { ...vault, id }
  })
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Created exclusively: two at once cannot overwrite each other either. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx')
    await handle.writeFile(text)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new ConfigError('invalid', `${file} is there already and is left as it is; edit it`, { cause })
    throw new ConfigError('invalid', `${file} cannot be written`, { cause })
  }
}
