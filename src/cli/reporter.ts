/** The one way out: commands hand their results to a reporter and never print. */
import type { Clock } from '../contracts.ts'
import { createOutput, type Output } from './output.ts'
import type { Progress } from './progress.ts'
import { humanReporter } from './reporter-human.ts'
import { jsonReporter } from './reporter-json.ts'
import type { Style } from './style.ts'

/** Lines for a person. Text from outside must have gone through `printable`. */
export type Lines = (style: Style) => Iterable<string>

export interface ResultView {
  readonly lines: Lines
  /** What `--quiet` still prints; default nothing. */
  readonly quiet?: Lines | undefined
}

export interface ListView<Item> {
  readonly lines: (item: Item, style: Style) => Iterable<string>
  /** Is the list itself what was asked for, so that `--quiet` prints it too? Default false. */
  readonly asked?: boolean | undefined
}

/** A list on its way out, item by item; memory does not grow with it. */
export interface ListReport<Item> {
  item(item: Item): Promise<void>
  /** Ends the document; `tail` becomes further keys of it. */
  end(tail: object, view?: ResultView): Promise<void>
}

export interface Reporter {
  /** The one document of a command that has a single answer. */
  result(document: object, view: ResultView): Promise<void>
  /** A document `{ ...head, [key]: […], ...tail }`, streamed. */
  list<Item extends object>(key: string, head: object, view: ListView<Item>): ListReport<Item>
  /** One of a stream of documents without an end: lines for a person, one JSON object a line in a document; `quiet` as for a result. */
  line(document: object, view: ResultView): Promise<void>
  /** A file's bytes, raw for a person, base64 in a document. */
  bytes(source: AsyncIterable<Uint8Array>, head: object): Promise<void>
  /** Something a person should know, on standard error; not with `--quiet`. */
  note(text: string): Promise<void>
  /** Advice to a person, on standard error; neither with `--quiet` nor with `--json`. */
  advise(text: string): Promise<void>
  /** Progress of long work, on standard error. */
  readonly progress: Progress
  /** The error that ended the command. A list that was begun is closed with it, so that the document stays whole. */
  fail(error: unknown): Promise<void>
}

export interface ReporterOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
}

/** The reporter for these flags. */
export function createReporter(options: ReporterOptions): Reporter {
  return options.json ? jsonReporter(options) : humanReporter(options)
}

export { createOutput }
