/**
 * The root file system of the runner base, packed off this host: a shell, the usual tools, and what a program expects to
 * find around it. Node is the one of `/.sandbox`, started through the base's own readable loader and libraries.
 */
import { openSync, closeSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { ImageError } from '../errors.js'
import { resolveClosure } from './elf-closure.js'
import { readElf } from './elf.js'
import {
  buildHostLayer,
  folders,
  hardLinked,
  hostFile,
  memoryFile,
  symlink,
  type HostEntry,
  type HostLayer,
} from './host-files.js'
import { findHostProgram, loaderEntries, PROGRAM_FOLDERS } from './host-programs.js'
import { printable } from '../printable.js'
import { GUEST_PATHS } from './sandbox-layer.js'

/** What the runner base offers in `/usr/bin` besides node: POSIX shells, coreutils, grep, sed, findutils, tar, gzip, setsid. */
export const RUNNER_PROGRAMS: readonly string[] = (
  'sh bash grep egrep fgrep sed find xargs tar gzip gunzip zcat setsid ' +
  '[ arch b2sum base32 base64 basename basenc cat chgrp chmod chown cksum comm cp csplit cut date dd df dir dircolors ' +
  'dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum ' +
  'mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink ' +
  'realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum ' +
  'sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes'
).split(' ')

/** Users and groups that tools expect; nothing of the host's. */
export const CONFIGURATION: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/os-release': 'ID=container-sandbox\nNAME="container-sandbox runner"\nPRETTY_NAME="container-sandbox runner"\n',
  'etc/hostname': '',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/resolv.conf': '',
}

/** What stands in the root of every system (hier(7)), empty. */
export const ROOT_FOLDERS: readonly string[] = 'dev etc proc root run sys var var/lib home opt mnt srv'.split(' ')

/**
 * @param node The node whose libraries the base must hold. Default: the one that runs this process.
 * @throws {ImageError} naming the program or library that this host lacks.
 */
export function buildRunnerLayer(node: string = process.execPath): HostLayer {
  const sources = new Map(RUNNER_PROGRAMS.map((name) => [name, findProgram(name)]))
  const programs = new Set(sources.values())
  const binaries = [...programs].filter((path) => readElf(path) !== null)
  for (const script of [...programs].filter((path) => !binaries.includes(path))) assertInterpreter(script, sources)
  return buildHostLayer([
    ...folders(ROOT_FOLDERS),
    ...loaderEntries(resolveClosure([node, ...binaries])),
    ...folders(['usr/local', 'usr/local/bin', 'usr/share']),
    ...folders(['tmp', 'var/tmp'], 0o1777),
    ...Object.entries(CONFIGURATION).map(([path, text]) => memoryFile(path, text, 0o644)),
    symlink('usr/bin/node', GUEST_PATHS.node),
    ...[...programs].flatMap((source) =>
      hardLinked(
        [...sources].filter(([, candidate]) => candidate === source).map(([name]) => `usr/bin/${name}`),
        (path) => hostFile(path, source, 0o755),
      ),
    ),
    ...bufferLibrary(sources.get('stdbuf')),
  ])
}

function findProgram(name: string): string {
  const path = findHostProgram(name)
  if (path !== null) return path
  throw new ImageError(
    `The runner base needs the program ${name}, which is in none of ${PROGRAM_FOLDERS.join(', ')}.`,
    {
      details: { program: name },
    },
  )
}

/** A script is packed as it is; what its first line names must be among the programs. */
function assertInterpreter(script: string, sources: ReadonlyMap<string, string>): void {
  const file = openSync(script, 'r')
  const start = Buffer.alloc(256)
  const length = readSync(file, start, 0, start.length, 0)
  closeSync(file)
  const words = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(start.toString('latin1', 0, length))
  const interpreter = basename(words?.[1] ?? '') === 'env' ? words?.[2] : basename(words?.[1] ?? '')
  if (interpreter !== undefined && sources.has(interpreter)) return
  throw new ImageError(
    `The script ${printable(script)} needs ${printable(interpreter ?? '?')}, which the runner base lacks.`,
  )
}

/** `stdbuf` preloads a library of its own from a folder beside the programs. */
function bufferLibrary(stdbuf: string | undefined): HostEntry[] {
  if (stdbuf === undefined) return []
  for (const folder of ['usr/libexec/coreutils', 'usr/lib/coreutils']) {
    try {
      const library = hostFile(`${folder}/libstdbuf.so`, `/${folder}/libstdbuf.so`, 0o644)
      return [...folders(folder.startsWith('usr/libexec') ? ['usr/libexec', folder] : [folder]), library]
    } catch {
      continue
    }
  }
  return []
}
