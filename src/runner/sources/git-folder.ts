/**
 * The `.git` of a workspace, put together from what cannot carry a setting: packs that git has checked, the names of tags, an
 * index, and a HEAD that names the commit itself. No remote, no hook, nothing of the host.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Git } from './git-command.js'

/** A file below `.git`. */
export interface GitFile {
  readonly name: string
  readonly mode: number
  /** Bytes. */
  readonly size: number
  open(): AsyncIterable<Buffer>
}

/** The folders of `.git` that git asks for, in the order of their making. */
export const GIT_FOLDERS: readonly string[] = ['', '/refs', '/refs/heads', '/refs/tags', '/objects', '/objects/pack']

const PACK_FILE = /^pack-[0-9a-f]{40,64}\.(?:pack|idx|rev)$/
const READ_BYTES = 256 * 1024

/** A tag on one line, and for one that is an object what it names on the next (the format of `packed-refs`). */
const TAG_FORMAT = '%(objectname) %(refname)%(if)%(*objectname)%(then)%0a^%(*objectname)%(end)'

/** Lists the files of `.git` for a commit. @throws {SourceError} when git fails. Errors of the file system. */
export async function gitFiles(git: Git, commit: string): Promise<GitFile[]> {
  const { repository } = git.place
  const tags = await git.run('for-each-ref', `--format=${TAG_FORMAT}`, 'refs/tags')
  // Writes the index alone: there is no work tree.
  await git.run('read-tree', commit)
  const packs = (await readdir(join(repository, 'objects/pack'))).filter((name) => PACK_FILE.test(name)).sort()
  const stored = ['index', 'shallow', ...packs.map((name) => `objects/pack/${name}`)]
  return [
    textFile('HEAD', Buffer.from(`${commit}\n`)),
    textFile('config', Buffer.from(configText(commit))),
    textFile('packed-refs', Buffer.concat([Buffer.from('# pack-refs with: peeled fully-peeled sorted \n'), tags])),
    ...(await Promise.all(stored.map((name) => storedFile(repository, name)))).filter((file) => file !== null),
  ]
}

/** Objects are named by SHA-256 where the names have 64 digits (gitrepository-layout(5)). */
function configText(commit: string): string {
  const isSha256 = commit.length === 64
  return [
    '[core]',
    `\trepositoryformatversion = ${isSha256 ? 1 : 0}`,
    '\tfilemode = true',
    '\tbare = false',
    '\tlogallrefupdates = true',
    ...(isSha256 ? ['[extensions]', '\tobjectformat = sha256'] : []),
    '',
  ].join('\n')
}

function textFile(name: string, content: Buffer): GitFile {
  return { name, mode: 0o644, size: content.length, open: () => Readable.from([content]) }
}

async function storedFile(repository: string, name: string): Promise<GitFile | null> {
  const path = join(repository, name)
  try {
    const { size } = await stat(path)
    const mode = name.startsWith('objects/') ? 0o444 : 0o644
    return { name, mode, size, open: () => createReadStream(path, { highWaterMark: READ_BYTES }) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
