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
import { loadParts } from './load-parts.js'
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

/** What goes wrong here ends the program, as in a script that node runs itself. Nobody waits for an answer then. */
function load(request: LoadRequest): Promise<void> | undefined {
  try {
    return run(request)
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
    return new Promise(() => undefined)
  }
}

function run({ filename, source, error, callTimeoutMs, modules, plugins }: LoadRequest): Promise<void> | undefined {
  const rpc = new OldRpc({ current: () => link, ready }, callTimeoutMs)
  answer = (name, params) => rpc.answer(name, params)
  define({ rpc, parentStream: stream, process: oldProcess(modules), ...permittedRequire(modules) })
  const hooks = loadParts(plugins)
  if (source === null) {
    for (const hook of hooks) hook.loadError(new Error(error ?? ''))
    process.stderr.write(`${error}\n`, () => process.exit(1))
    return new Promise(() => undefined)
  }
  for (const hook of hooks) hook.afterLoad(source)
  new vm.Script(source, { filename }).runInThisContext()
  for (const hook of hooks) hook.execute()
  return undefined
}

function define(globals: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}
