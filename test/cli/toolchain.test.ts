import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finishCli, runCli, startCli } from '../helpers/cli.js'

test('image toolchain finds what is there, and says so in words and as JSON', async () => {
  const { code, stdout, stderr } = await runCli(['image', 'toolchain'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^container-sandbox\/toolchain:[0-9a-f]{40}: sha256:[0-9a-f]{64} \(\d+ MiB, already there\)\n$/,
  )
  const json = JSON.parse((await runCli(['image', 'toolchain', '--json'])).stdout) as Record<string, unknown>
  expect(json).toMatchObject({ suite: 'bookworm', built: false, packages: expect.arrayContaining(['gcc']) as string[] })
  expect((await runCli(['image', 'list'])).stdout).toContain(`${json['tag'] as string}  toolchain`)
})

test('a sandbox starts from it', async () => {
  const { code, stdout } = await runCli(['run', '--base', 'toolchain', '--', 'gcc', '-dumpversion'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: '12\n' })
})

test('what it cannot take is said before anything is done', async () => {
  const refused = await runCli(['image', 'toolchain', '--include', 'g++', '-y'])
  expect(refused.code).toBe(125)
  expect((await runCli(['image', 'toolchain', '--include', './x.deb'])).stderr).toMatch(
    /packages\[0\]: got "\.\/x\.deb"/,
  )
  expect((await runCli(['image', 'toolchain', '--suite', 'x y'])).stderr).toMatch(/suite: got "x y"/)
})

test('SIGTERM ends it, and what it had begun is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cli-toolchain-'))
  try {
    // It has begun once its folder is there.
    const begun = (async () => {
      for await (const { filename } of watch(folder)) if (filename?.startsWith('container-sandbox') === true) return
    })()
    const child = startCli(['image', 'toolchain', '--include', 'sl'], { env: { TMPDIR: folder } })
    const ended = finishCli(child)
    await begun
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 143, stdout: '', stderr: '' })
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
