import { spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { cliPath, finishCli } from '../helpers/cli.js'

/** A user of nobody else, with the group of the engine's socket: what a member of the group `docker` is. */
const uid = 54_321
const gid = statSync('/var/run/docker.sock').gid

const home = mkdtempSync(join(tmpdir(), 'without-root-'))
chownSync(home, uid, gid)
afterAll(() => rmSync(home, { recursive: true }))

test('sandboxes run for a user who may use the engine and is not root', async () => {
  const env = { PATH: process.env['PATH'], HOME: home }
  const identity = process.geteuid?.() === 0 ? { uid, gid } : {}
  const args = [cliPath, 'run', '--', 'sh', '-c', 'echo works; exit 4']
  const child = spawn(process.execPath, args, { env, cwd: home, ...identity })
  child.stdin.end()
  expect(await finishCli(child)).toMatchObject({ code: 4, stdout: 'works\n', stderr: '' })
})
