/**
 * The program of every sandbox of the drop-in. It makes the globals that the old package's programs had, and runs the user's
 * file among them when the host sends it: so the sandbox is ready before the file runs, also when that never returns.
 *
 * None of this is protection: see `src/shovel/program/main.ts`.
 */
import process from 'node:process'
import vm from 'node:vm'
import { LINK, type Link, type LoadRequest } from '../link/link.js'
import { LinkStream } from '../link/link-stream.js'
import { OldRpc } from '../link/old-rpc.js'
import { oldProcess } from './old-process.js'
import { permittedRequire } from './permitted-require.js'

const scope = globalThis as unknown as Record<string, unknown>
const link = scope['rpc'] as Link
const ready = (): Promise<Link> => Promise.resolve(link)

const stream = new LinkStream(ready)
let answer: OldRpc['answer'] = () => undefined

link.expose(LINK.ping, () => 'pong')
link.expose(LINK.call, (name: unknown, params: unknown) => answer(name, params))
link.expose(LINK.data, (base64: unknown) => stream.receive(base64))
link.expose(LINK.end, () => stream.receiveEnd())
link.expose(LINK.load, (request: LoadRequest) => load(request))

/** What goes wrong here ends the program, as in a script that node runs itself. */
function load({ filename, source, error, callTimeoutMs, modules }: LoadRequest): Promise<void> | undefined {
  const rpc = new OldRpc({ current: () => link, ready }, callTimeoutMs)
  answer = (name, params) => rpc.answer(name, params)
  define({ rpc, parentStream: stream, process: oldProcess(modules), ...permittedRequire(modules) })
  if (source === null) {
    process.stderr.write(`${error}\n`, () => process.exit(1))
    return new Promise(() => undefined)
  }
  try {
    new vm.Script(source, { filename }).runInThisContext()
    return undefined
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
    return new Promise(() => undefined)
  }
}

function define(globals: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}
