import { describe, expect, it } from 'vitest'
import { SharedWork } from '../../../src/image/shared-work.js'

/** Work that ends when it is told to, and notes whether it was aborted. */
function work(): {
  start: (signal: AbortSignal) => Promise<string>
  finish: (value: string) => void
  starts: number
  aborts: number
} {
  let finish: (value: string) => void = () => undefined
  const self = {
    starts: 0,
    aborts: 0,
    finish: (value: string) => { finish(value) },
    start: (signal: AbortSignal) => {
      self.starts += 1
      return new Promise<string>((resolve, reject) => {
        finish = resolve
        signal.addEventListener('abort', () => {
          self.aborts += 1
          reject(signal.reason as Error)
        })
      })
    },
  } // prettier-ignore
  return self
}

describe('SharedWork', () => {
  it('runs once for all who wait', async () => {
    const shared = new SharedWork<string>()
    const job = work()
    const waits = [1, 2, 3].map(() => shared.run('key', undefined, job.start))
    job.finish('done')
    expect(await Promise.all(waits)).toEqual(['done', 'done', 'done'])
    expect(job.starts).toBe(1)
  })

  it('goes on when one of two aborts, and ends with the last', async () => {
    const shared = new SharedWork<string>()
    const job = work()
    const [one, two] = [new AbortController(), new AbortController()]
    const first = shared.run('key', one.signal, job.start)
    const second = shared.run('key', two.signal, job.start)
    one.abort(new Error('first left'))
    await expect(first).rejects.toThrow('first left')
    expect(job.aborts).toBe(0)
    two.abort(new Error('second left'))
    await expect(second).rejects.toThrow('second left')
    expect(job.aborts).toBe(1)
  })

  it('starts anew after the last has left, and after a failure', async () => {
    const shared = new SharedWork<string>()
    const job = work()
    const leaver = new AbortController()
    const first = shared.run('key', leaver.signal, job.start)
    leaver.abort()
    await expect(first).rejects.toThrow()
    const second = shared.run('key', undefined, job.start)
    job.finish('again')
    expect(await second).toBe('again')
    await expect(shared.run('key', undefined, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await shared.run('key', undefined, () => Promise.resolve('mended'))).toBe('mended')
    expect(job.starts).toBe(2)
  })

  it('keeps different keys apart, and does nothing for who aborted before', async () => {
    const shared = new SharedWork<string>()
    const results = await Promise.all(['a', 'b'].map((key) => shared.run(key, undefined, () => Promise.resolve(key))))
    expect(results).toEqual(['a', 'b'])
    const job = work()
    await expect(shared.run('c', AbortSignal.abort(), job.start)).rejects.toThrow()
    expect(job.starts).toBe(0)
  })
})
