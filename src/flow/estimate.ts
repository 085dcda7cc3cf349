import type { CostEstimate } from '../contracts.ts'
export const estimate: (...args: unknown[]) => Promise<CostEstimate> = () => Promise.reject(new RangeError('not yet'))
