/** What tests of keys share: a place with a home of its own, a person at a terminal, and secrets to look for. */
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { MainOptions } from '../../src/cli/main.ts'
import type { OpenTerminal } from '../../src/cli/terminal.ts'
import { decodeBech32 } from '../../src/format/bech32.ts'
import type { Secret } from '../canary.ts'
import { type Outcome, type Place, place } from './run.ts'

export const PASSPHRASE = 'canary-correct-horse-battery'

export interface KeyPlace extends Place {
  /** Where the default identity file is. */
  readonly identityFile: string
  readonly env: Readonly<Record<string, string>>
}

/** A folder that is its own home. */
export async function keyPlace(): Promise<KeyPlace> {
  const at = await place()
  const env = { HOME: at.cwd }
  return {
    ...at,
    env,
    identityFile: join(at.cwd, '.config/perdure/identity.txt'),
    run: (args, options) => at.run(args, { env, ...options }),
    json: (args, options) => at.json(args, { env, ...options }),
  }
}

/** A person who gives these answers, one a question; `asked` are the questions. */
export function person(...answers: readonly string[]): { readonly terminal: OpenTerminal; readonly asked: string[] } {
  const left = [...answers]
  const asked: string[] = []
  const terminal: OpenTerminal = () => ({
    askHidden: async (question) => {
      asked.push(question)
      return left.shift() ?? ''
    },
    close: () => {},
  })
  return { terminal, asked }
}

/** cron, a service, a container. */
export const nobody: Pick<MainOptions, 'terminal'> = { terminal: () => undefined }

/** A key pair of age, and the forms of its secret that may be nowhere. */
export async function keyPair(): Promise<{ readonly identity: string; readonly recipient: string; readonly secrets: readonly Secret[] }> {
  const identity = await generateX25519Identity()
  return { identity, recipient: await identityToRecipient(identity), secrets: secretsOf(identity) }
}

/** The text of a secret key, its letters in the other case, and the bytes that it stands for. */
export function secretsOf(identity: string): readonly Secret[] {
  return [
    { name: 'the secret key', value: identity },
    { name: 'the secret key in small letters', value: identity.toLowerCase() },
    { name: 'the words of the secret key', value: identity.slice(identity.indexOf('1') + 1) },
    { name: 'the bytes of the secret key', value: decodeBech32(identity)?.bytes ?? '' },
  ]
}

/** Standard input that holds this text. */
export async function* stdin(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

export const everything = ({ stdout, stderr }: Outcome): string => `${stdout}\n${stderr}`
