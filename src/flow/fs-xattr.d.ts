/** The optional peer: it is not installed where this is compiled. */
declare module 'fs-xattr' {
  export function listAttributesSync(path: string): string[]
  export function getAttributeSync(path: string, name: string): Buffer
  export function setAttributeSync(path: string, name: string, value: Buffer): void
}
