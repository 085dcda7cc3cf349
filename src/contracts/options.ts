/** Options every call shares. Times are milliseconds since the Unix epoch; sizes are bytes. */
/** Cancels the work: the promise or iteration rejects with the signal's reason. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined
}

/** Listens to facts as they happen. A listener that throws does not fail the work. */
export interface ProgressOptions<Event> {
  readonly onProgress?: ((event: Event) => void) | undefined
}

/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** Fresh unpredictable bytes. */
export type Random = (byteLength: number) => Uint8Array
