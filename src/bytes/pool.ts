/** Chunk buffers that are used again: one buffer holds one chunk, and comes back when the block made of it was written or dropped. */

/** Hands out buffers of one size. */
export interface BufferPool {
  readonly byteLength: number
  /** Buffers that wait to be used again. */
  readonly idle: number
  /**
   * A buffer with undefined content. Never waits for one to come back, so a sink that keeps its blocks cannot stop a reader: beyond `count` the
   * pool hands out buffers it does not own, and memory is bounded by what reader and sink hold.
   */
  take(signal?: AbortSignal): Promise<Uint8Array>
}

export interface PoolOptions {
  readonly byteLength: number
  /** How many buffers are kept for use again. */
  readonly count: number
  /** Memory that other threads can see as it is, so that they hash it where it lies. Default false. */
  readonly shared?: boolean | undefined
}

interface Owned {
  lent: boolean
  readonly comeBack: () => void
}

const owners = new WeakMap<ArrayBufferLike, Owned>()

/** Makes a pool; its buffers are allocated when they are first needed. */
export function createPool({ byteLength, count, shared = false }: PoolOptions): BufferPool {
  const idle: ArrayBufferLike[] = []
  let made = 0

  const make = (): ArrayBufferLike => {
    const buffer = shared ? new SharedArrayBuffer(byteLength) : allocate(byteLength).buffer
    if (made < count) {
      made++
      owners.set(buffer, { lent: false, comeBack: () => idle.push(buffer) })
    }
    return buffer
  }

  return {
    byteLength,
    get idle() {
      return idle.length
    },
    async take(signal) {
      signal?.throwIfAborted()
      const buffer = idle.pop() ?? make()
      const owned = owners.get(buffer)
      if (owned) owned.lent = true
      return new Uint8Array(buffer)
    },
  }
}

/**
 * Gives a block's buffer back to the pool it came from; bytes of no pool, and bytes given back already, are left alone.
 * The caller must not touch the bytes, nor any other view of them, afterwards.
 */
export function recycle(bytes: Uint8Array): void {
  const owned = owners.get(bytes.buffer)
  if (!owned?.lent) return
  owned.lent = false
  owned.comeBack()
}

/** Fresh memory of its own, not zeroed: for bytes that are overwritten at once. */
export function allocate(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer)
}
