import { pack } from 'tar-stream'

/** Files and nodes that a hostile image can hold. */
export async function hostileImage(binary: Buffer): Promise<Buffer> {
  const archive = pack()
  const collected = (async () => {
    const chunks: Buffer[] = []
    for await (const chunk of archive) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  })()
  const add = (header: Parameters<typeof archive.entry>[0], content?: Buffer | string) =>
    content === undefined ? archive.entry(header) : archive.entry(header, content)
  for (const name of ['tmp', 'work', 'data', 'etc', 'nodes', '.sandbox', 'proc', 'sys', 'dev']) {
    add({ name, type: 'directory', mode: name === 'tmp' || name === 'data' ? 0o1777 : 0o755 })
  }
  add({ name: 'probe', mode: 0o755 }, binary)
  add({ name: 'setuid-probe', mode: 0o4755 }, binary)
  add({ name: 'setgid-probe', mode: 0o2755 }, binary)
  add({ name: 'open', mode: 0o666 }, 'anyone may write this file')
  add({ name: 'nodes/fuse', type: 'character-device', devmajor: 10, devminor: 229, mode: 0o666 })
  add({ name: 'nodes/tun', type: 'character-device', devmajor: 10, devminor: 200, mode: 0o666 })
  archive.finalize()
  return collected
}
