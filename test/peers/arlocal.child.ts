/**
 * `arlocal.child.ts PACKAGE FOLDER`: a local Arweave that sends its port when it listens, and ends with its parent. Its files are in that folder: it has to
 * be the working one as well, since arlocal writes there, and deletes what is called `logs`.
 */
import { createRequire } from 'node:module'
import { type AddressInfo, Server } from 'node:net'
import { join } from 'node:path'

const [, , home = '', folder = ''] = process.argv

process.on('disconnect', () => process.exit())

// arlocal listens on all addresses, and on 1984 when it is told 0: here whoever listens does so on loopback, on a port that is free.
const { listen } = Server.prototype
Server.prototype.listen = function onLoopback(this: Server, ...given: readonly unknown[]) {
  const ready = given.find((one): one is () => void => typeof one === 'function')
  return listen.call(this, { host: '127.0.0.1', port: 0 }, () => {
    process.send?.({ port: (this.address() as AddressInfo).port })
    ready?.()
  })
} as typeof listen

interface ArLocal {
  start(): Promise<void>
}

const arlocal = createRequire(import.meta.url)(join(home, 'bin/app.js')) as {
  readonly default: new (port: number, showLogs: boolean, dbPath: string, persist: boolean) => ArLocal
}
await new arlocal.default(0, false, join(folder, 'db'), false).start()
