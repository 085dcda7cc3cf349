import type { CostsReport } from '../contracts.ts'
export const costs: (...args: unknown[]) => Promise<CostsReport> = () => Promise.reject(new RangeError('not yet'))
