import { spawn } from 'node:child_process'
import { chownSync, cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { finishCli } from '../helpers/cli.js'

/** A user of nobody else, with the group of the engine's socket: what a member of the group `docker` is. */
const uid = 54_321
const gid = statSync('/var/run/docker.sock').gid

const home = mkdtempSync(join(tmpdir(), 'without-root-'))
chownSync(home, uid, gid)

/** A copy that this user can read, wherever the checkout is. */
const root = join(import.meta.dirname, '../..')
for (const name of ['dist', 'images', 'package.json', 'Dockerfile.runner', 'node_modules'])
  cpSync(join(root, name), join(home, name), { recursive: true, verbatimSymlinks: true })
const cliPath = join(home, 'dist/cli/main.js')
afterAll(() => rmSync(home, { recursive: true }))

test('sandboxes run for a user who may use the engine and is not root', async () => {
  const env = { PATH: process.env['PATH'], HOME: home }
  const identity = process.geteuid?.() === 0 ? { uid, gid } : {}
  const args = [cliPath, 'run', '--', 'sh', '-c', 'echo works; exit 4']
  const child = spawn(process.execPath, args, { env, cwd: home, ...identity })
  child.stdin.end()
  expect(await finishCli(child)).toMatchObject({ code: 4, stdout: 'works\n', stderr: '' })
})
