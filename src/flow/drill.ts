import type { DrillReport } from '../contracts.ts'
export const drill: (...args: unknown[]) => Promise<DrillReport> = () => Promise.reject(new RangeError('not yet'))
