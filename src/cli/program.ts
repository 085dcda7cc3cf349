/** The command line as the parser sees it. */
import { Command } from 'commander'
import { arweaveCommand } from './commands/arweave.ts'
import { catCommand } from './commands/cat.ts'
import { costsCommand, estimateCommand } from './commands/costs.ts'
import { drillCommand } from './commands/drill.ts'
import { evacuateCommand } from './commands/evacuate.ts'
import { explainCommand } from './commands/explain.ts'
import { exportCommand } from './commands/export.ts'
import { filecoinCommand } from './commands/filecoin.ts'
import { gatewayCommand } from './commands/gateway.ts'
import { getCommand } from './commands/get.ts'
import { hooksCommand } from './commands/hooks.ts'
import { importCommand } from './commands/import.ts'
import { initCommand } from './commands/init.ts'
import { keyCommand } from './commands/key.ts'
import { logCommand } from './commands/log.ts'
import { lsCommand } from './commands/ls.ts'
import { metricsCommand } from './commands/metrics.ts'
import { planCommand } from './commands/plan.ts'
import { pruneCommand } from './commands/prune.ts'
import { putCommand } from './commands/put.ts'
import { receiptCommand } from './commands/receipt.ts'
import { recipientsCommand } from './commands/recipients.ts'
import { recoverCommand } from './commands/recover.ts'
import { renewCommand } from './commands/renew.ts'
import { repairCommand } from './commands/repair.ts'
import { rmCommand } from './commands/rm.ts'
import { shredCommand } from './commands/shred.ts'
import { statusCommand } from './commands/status.ts'
import { surveyCommand } from './commands/survey.ts'
import { thawCommand } from './commands/thaw.ts'
import { vaultCommand } from './commands/vault.ts'
import { verifyCommand } from './commands/verify.ts'
import { watchCommand } from './commands/watch.ts'
import type { Run } from './context.ts'

const COMMANDS = [
  initCommand,
  putCommand,
  importCommand,
  getCommand,
  catCommand,
  lsCommand,
  statusCommand,
  verifyCommand,
  surveyCommand,
  planCommand,
  repairCommand,
  drillCommand,
  evacuateCommand,
  renewCommand,
  watchCommand,
  thawCommand,
  rmCommand,
  shredCommand,
  pruneCommand,
  explainCommand,
  estimateCommand,
  costsCommand,
  vaultCommand,
  arweaveCommand,
  filecoinCommand,
  receiptCommand,
  logCommand,
  keyCommand,
  recipientsCommand,
  recoverCommand,
  exportCommand,
  hooksCommand,
  gatewayCommand,
  metricsCommand,
]

const EXIT_CODES = `
Exit codes: 0 satisfied, 1 failed, 2 usage, 3 degraded, 4 unknown, 5 damaged and repairable, 6 at risk or lost.
Without perdure.json everything happens in ./.perdure, one local copy.`

/** Options every command takes, before or after its name. */
export interface CommonOptions {
  readonly config?: string
  readonly json?: boolean
  readonly quiet?: boolean
  /** Of commands that open sealed content. */
  readonly identity?: readonly string[]
}

export interface ProgramOptions {
  readonly run: Run
  readonly version: string
  /** Receives help and version texts. */
  readonly write: (text: string) => void
}

/** A parser that never exits the process: it throws CommanderError. */
export function createProgram({ run, version, write }: ProgramOptions): Command {
  const program = new Command('perdure')
  program
    .description('Content-addressed archival storage that keeps proving that your files are still there.')
    .version(version)
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write, outputError: () => {} })
  for (const add of COMMANDS) add(program, run)
  addCommonOptions(program)
  return program
}

function addCommonOptions(command: Command): void {
  command
    .option('--config <file>', 'configuration; default ./perdure.json where there is one')
    .option('--json', 'print one JSON document, errors included')
    .option('-q, --quiet', 'no progress and no notes')
  for (const child of command.commands) addCommonOptions(child)
}
