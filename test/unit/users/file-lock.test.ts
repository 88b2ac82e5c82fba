import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { holdFileLock, withFileLock } from '../../../src/users/file-lock.js'
import { useFolder, usePrograms } from './fixture.js'

const folder = useFolder()
const start = usePrograms()

/** Two processes add 1 to a number in a file. @returns what is in the file at the end */
async function race(times: number, lock: (folder: string) => string): Promise<number> {
  const place = folder()
  const file = join(place, 'number')
  writeFileSync(file, '0')
  const programs = [1, 2].map(() => start('count', file, String(times), lock(place)))
  expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0])
  return Number(readFileSync(file, 'utf8'))
}

test('two processes never hold it at once', async () => {
  expect(await race(150, (place) => join(place, 'lock'))).toBe(300)
})

test('without it the same two processes lose updates', async () => {
  expect(await race(3000, () => 'none')).toBeLessThan(6000)
})

test('callers in one process take turns, in their order, also after one that failed', async () => {
  const path = join(folder(), 'lock')
  const log: number[] = []
  const calls = [1, 2, 3, 4].map((number) =>
    withFileLock(path, async () => {
      log.push(number)
      await delay(5)
      log.push(number)
      if (number === 2) throw new Error('two')
      return number
    }),
  )
  const results = await Promise.allSettled(calls)
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(log).toEqual([1, 1, 2, 2, 3, 3, 4, 4])
})

test('a holder that is killed lets go at once', async () => {
  const path = join(folder(), 'lock')
  const holder = start('hold-lock', path)
  await holder.saw('locked')
  let got = false
  const waiting = withFileLock(path, () => Promise.resolve((got = true)))
  await delay(200)
  expect(got).toBe(false)
  await holder.kill()
  const before = performance.now()
  await waiting
  expect(performance.now() - before).toBeLessThan(15_000)
})

test('one that is held for long is refused to others at once, until its holder lets go or dies', async () => {
  const path = join(folder(), 'lock')
  const holder = start('hold-lock', path)
  await holder.saw('locked')
  expect(await holdFileLock(path)).toBeNull()
  await holder.kill()
  const held = await holdFileLock(path)
  expect(held).not.toBeNull()
  expect(await holdFileLock(path)).toBeNull()
  await held?.close()
  await (await holdFileLock(path))?.close()
})

test('a holder that is stopped makes the others give up in time, and they leave nothing behind', async () => {
  const path = join(folder(), 'lock')
  const holder = start('hold-lock', path)
  await holder.saw('locked')
  holder.child.kill('SIGSTOP')
  const error: unknown = await withFileLock(path, () => Promise.resolve(), 200).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('fuser') as string })
  await holder.kill()
  await withFileLock(path, () => Promise.resolve(), 2_000)
  expect(existsSync(path)).toBe(true)
})

test('without the flock command the error says what to install', async () => {
  const path = join(folder(), 'lock')
  vi.stubEnv('PATH', '/nonexistent')
  try {
    await expect(withFileLock(path, () => Promise.resolve())).rejects.toThrow(/'flock' is needed. Install util-linux/)
  } finally {
    vi.unstubAllEnvs()
  }
})

test('a flock command that fails is an error, not a lock', async () => {
  const place = folder()
  mkdirSync(join(place, 'bin'))
  writeFileSync(join(place, 'bin', 'flock'), '#!/bin/sh\nexit 3\n')
  chmodSync(join(place, 'bin', 'flock'), 0o755)
  vi.stubEnv('PATH', `${join(place, 'bin')}:${process.env['PATH']}`)
  try {
    const work = vi.fn(() => Promise.resolve())
    await expect(withFileLock(join(place, 'lock'), work)).rejects.toThrow(/ended with code 3/)
    expect(work).not.toHaveBeenCalled()
  } finally {
    vi.unstubAllEnvs()
  }
})
