import { PerdureError } from '../../src/errors.ts'

/** The code the work fails with, or what it did instead. */
export async function codeOf(work: Promise<unknown> | undefined): Promise<string> {
  try {
    await work
    return 'succeeded'
  } catch (error) {
    return error instanceof PerdureError ? error.code : String(error)
  }
}
