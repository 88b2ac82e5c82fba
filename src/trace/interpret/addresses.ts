/** The addresses of sockets in a call. */
import type { AddressCall } from '../calls/index.js'
import { readList } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'
import type { Access } from './access.js'
import type { Thread } from './process.js'
import { resolvePath } from './resolve-path.js'
import { readMessageAddress, readSocketAddress, type SocketAddress } from './socket-address.js'

/** With it connect(2) undoes a connection. */
const NO_FAMILY = '{sa_family=AF_UNSPEC'

function addressesOf({ argument, within }: AddressCall, { name, args }: CallRecord): readonly SocketAddress[] {
  const text = args[argument] ?? ''
  if (name === 'connect' && text.startsWith(NO_FAMILY)) return []
  if (within === 'argument') return [readSocketAddress(text)]
  if (within === 'message') return [readMessageAddress(text)]
  const list = readList(text)
  if (list === null) return [{ kind: 'unreadable', text: text.slice(0, 100) }]
  const found = list.items.map((item) => readMessageAddress(item.replace(/^\{msg_hdr=/, '')))
  return list.truncated ? [...found, { kind: 'unreadable', text: '...' }] : found
}

function addressAccess(mode: 'connect' | 'bind', address: SocketAddress, thread: Thread): Access | null {
  const access = 'connect'
  if (address.kind === 'none') return null
  if (address.kind === 'unreadable') return { mode, access, file: address.text, path: null, resolution: null }
  if (address.kind === 'address')
    return { mode, access, file: address.address, path: address.address, resolution: null }
  const { name } = address
  const [path, ...otherPaths] = [thread.folder.cwd, ...thread.folder.others].map((cwd) =>
    resolvePath(name, { folder: cwd, root: thread.folder.root, processId: thread.process.id }),
  )
  // A bound name is made in the file system; a connection goes to an address.
  if (mode === 'bind') return { mode, access: 'write', file: name, path: path ?? null, resolution: 'name', otherPaths }
  const asAddress = (found: string | null | undefined) => (found == null ? null : `unix:${found}`)
  return {
    mode,
    access,
    file: `unix:${name}`,
    path: asAddress(path),
    resolution: 'name',
    otherPaths: otherPaths.map(asAddress),
  }
}

/** The addresses that a call uses: none, one, or one for each of its messages. */
export function addressAccesses(call: AddressCall, record: CallRecord, thread: Thread): readonly Access[] {
  const found: Access[] = []
  for (const address of addressesOf(call, record)) {
    const access = addressAccess(call.mode, address, thread)
    if (access !== null && !found.some(({ file }) => file === access.file)) found.push(access)
  }
  return found
}
