import type { Output } from '../../src/cli/output.ts'

/** An output that remembers. */
export interface Capture extends Output {
  text(): string
}

export function capture(options: { readonly isTTY?: boolean; readonly columns?: number } = {}): Capture {
  const written: Uint8Array[] = []
  return {
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
    write: async (data) => void written.push(Buffer.from(data)),
    text: () => Buffer.concat(written).toString(),
  }
}
