/** Repositories for tests, good and hostile, made with the host's git and nothing of its configuration. */
import { execFileSync, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ENVIRONMENT = {
  PATH: '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Author',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'Committer',
  GIT_COMMITTER_EMAIL: 'committer@example.org',
  GIT_AUTHOR_DATE: '1500000000 +0000',
  GIT_COMMITTER_DATE: '1500000000 +0000',
}

/** Runs git in a repository. @returns what it prints, without the last line end */
export function git(repository: string, args: readonly string[], input?: Buffer | string): string {
  const stdio = ['pipe', 'pipe', 'pipe'] as const
  return execFileSync('git', args, {
    cwd: repository,
    env: ENVIRONMENT,
    input,
    stdio: [...stdio],
    encoding: 'utf8',
  }).replace(/\n$/, '')
}

/** Makes a repository on the branch `main`. */
export function makeRepository(repository: string): string {
  mkdirSync(repository, { recursive: true })
  git(repository, ['init', '--quiet', '--initial-branch=main', '--template='])
  return repository
}

/** Writes files and commits them. @returns the number of the commit */
export function commit(
  repository: string,
  files: Readonly<Record<string, string | Buffer>>,
  message = 'Commit',
): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true })
    writeFileSync(join(repository, name), content)
  }
  git(repository, ['add', '--all', '--force'])
  git(repository, ['commit', '--quiet', '--allow-empty', '-m', message])
  return git(repository, ['rev-parse', 'HEAD'])
}

/** One entry of a tree, with a name that git itself would not take. */
export interface RawEntry {
  readonly mode: string
  readonly name: string | Buffer
  readonly object: string
}

/** Writes an object as it is. @returns its number */
export function writeObject(repository: string, type: 'blob' | 'tree', content: Buffer | string): string {
  return git(repository, ['hash-object', '-t', type, '-w', '--stdin', '--literally'], content)
}

/** Commits a tree that is not checked, and lets `main` name it. */
export function commitTree(repository: string, entries: readonly RawEntry[]): string {
  const parts = entries.flatMap(({ mode, name, object }) => [
    Buffer.from(`${mode} `),
    Buffer.from(name),
    Buffer.from([0]),
    Buffer.from(object, 'hex'),
  ])
  const tree = writeObject(repository, 'tree', Buffer.concat(parts))
  const made = git(repository, ['commit-tree', '-m', 'Hostile', tree])
  git(repository, ['update-ref', 'refs/heads/main', made])
  return made
}

/** A bundle of everything. @returns its path */
export function bundle(repository: string, ...args: readonly string[]): string {
  const path = `${repository}.bundle`
  git(repository, ['bundle', 'create', '--quiet', path, ...(args.length > 0 ? args : ['--all', 'HEAD'])])
  return path
}

/** What a server of {@link serveRepositories} saw. */
export interface GitServer {
  readonly url: string
  readonly authorizations: Set<string | undefined>
  close(): Promise<void>
}

/**
 * Serves the repositories of a folder over HTTP on the loopback.
 * @param password - when given, only this one is let in
 */
export async function serveRepositories(folder: string, password: string | null = null): Promise<GitServer> {
  const authorizations = new Set<string | undefined>()
  const server: Server = createServer((request, response) => {
    const { authorization } = request.headers
    authorizations.add(authorization)
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname.startsWith('/moved')) {
      response.writeHead(301, { location: request.url?.replace('/moved', '') }).end()
      return
    }
    const given = Buffer.from(authorization?.slice('Basic '.length) ?? '', 'base64').toString()
    if (password !== null && given.split(':')[1] !== password) {
      // As some servers do, it says what it was given.
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`no access with ${given} ${authorization}\n`)
      return
    }
    const backend = spawn('git', ['http-backend'], {
      env: {
        ...ENVIRONMENT,
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'],
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    request.pipe(backend.stdin).on('error', () => undefined)
    let head = Buffer.alloc(0)
    let isHead = true
    backend.stdout.on('data', (chunk: Buffer) => {
      if (!isHead) return void response.write(chunk)
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      isHead = false
      for (const line of head.toString('latin1', 0, end).split('\r\n')) {
        const [name = '', value = ''] = line.split(': ')
        if (name === 'Status') response.statusCode = Number.parseInt(value)
        else response.setHeader(name, value)
      }
      response.write(head.subarray(end + 4))
    })
    backend.stdout.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizations,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  }
}
