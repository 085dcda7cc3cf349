/**
 * Verifies an exported log as a stranger would: nothing of perdure's is imported.
 *
 *   node verify-log.ts [LOG.JSONL CHECKPOINT KEY [CHECKPOINT …]]
 *
 * KEY is a file with the verifier key, got from whoever runs the archive by another way than the log. Further checkpoints are those that you kept from before, or that
 * somebody else kept: they show that the log was not cut or written anew since. Without arguments the sample beside this file is verified.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const hash = (...parts: readonly Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

/** The root over leaf hashes, RFC 6962. */
function root(leaves: readonly Uint8Array[]): Uint8Array {
  const [first = hash()] = leaves
  if (leaves.length < 2) return first
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return hash(Uint8Array.of(1), root(leaves.slice(0, split)), root(leaves.slice(split)))
}

/** Base64 in its one spelling. */
function decode(text: string, length: number): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text || bytes.length !== length) fail(`not ${length} bytes of base64: ${text}`)
  return bytes
}

function fail(why: string): never {
  throw new RangeError(why)
}

/** Size and root of a checkpoint that this key signed: C2SP signed-note and tlog-checkpoint. */
function checkpoint(file: string, key: string): { readonly size: number; readonly root: Uint8Array } {
  const [, name = '', id, encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)\n?$/.exec(key) ?? fail('not a verifier key')
  const publicKey = decode(encoded, 33)
  if (
    publicKey[0] !== 1 ||
    hash(Buffer.from(`${name}\n`), publicKey)
      .subarray(0, 4)
      .toString('hex') !== id
  )
    fail('the key does not fit its id')
  const note = read(file)
  const end = note.lastIndexOf('\n\n') + 1
  const [text, signatures] = [note.slice(0, end), note.slice(end + 1)]
  const [, base64 = ''] =
    signatures
      .split('\n')
      .map((line) => line.split(' '))
      .find(([dash, signer]) => dash === '—' && signer === name)
      ?.slice(1) ?? fail(`${file} is not signed by ${name}`)
  const signature = decode(base64, 68)
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.subarray(1).toString('base64url') }
  const holds = verify(null, Buffer.from(text), createPublicKey({ key: jwk, format: 'jwk' }), signature.subarray(4))
  if (signature.subarray(0, 4).toString('hex') !== id || !holds) fail(`the signature on ${file} does not hold`)
  const [origin, size = '', encodedRoot = ''] = text.split('\n')
  if (origin !== name || !/^(0|[1-9]\d*)$/.test(size) || !signatures.endsWith('\n')) fail(`${file} is no checkpoint of this log`)
  return { size: Number(size), root: decode(encodedRoot, 32) }
}

/** Bytes that are not UTF-8 are an error, not a question mark. */
const read = (file: string): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))

const sample = ['log.jsonl', 'checkpoint.txt', 'key.txt', 'older.txt'].map((name) => new URL(`log/${name}`, import.meta.url).pathname)
const [logFile = '', newest = '', keyFile = '', ...outside] = process.argv.length > 2 ? process.argv.slice(2) : sample
try {
  const key = read(keyFile)
  const lines = read(logFile).split('\n')
  if (lines.pop() !== '') fail(`${logFile} does not end with a line`)
  const leaves = lines.map((line) => hash(Uint8Array.of(0), Buffer.from(line)))
  for (const file of [newest, ...outside]) {
    const signed = checkpoint(file, key)
    if (file === newest && signed.size !== leaves.length) fail(`${leaves.length} entries, and ${signed.size} were signed`)
    if (signed.size > leaves.length) fail(`the log was cut: ${file} was signed over ${signed.size} entries, ${leaves.length} are left`)
    if (!Buffer.from(signed.root).equals(root(leaves.slice(0, signed.size)))) fail(`${file} was signed over other entries`)
    console.log(`holds: ${signed.size} entries as signed in ${file.split('/').at(-1)}`)
  }
  for (const line of lines) JSON.parse(line)
  console.log(`verified: ${lines.length} entries`)
} catch (error) {
  console.log(`NOT VERIFIED: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
