import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { ContainerSandbox } from '../../../src/index.js'
import type { PoolOptions } from '../../../src/options/pool-options.js'
import { SandboxPool, type SandboxLease } from '../../../src/pool/index.js'
import { readBaseline, resetSandbox } from '../../../src/pool/reset.js'
import { engine, ownContainers, rejection, withSandbox } from '../../helpers/sandboxes.js'

const template = { writable: ['/workspace'] }
const pools: SandboxPool[] = []
const failures: unknown[] = []
const open = async (options: Partial<PoolOptions> = {}) => {
  const onDiagnostic = (error: unknown) => failures.push(error)
  const pool = await SandboxPool.open({ templates: { box: template }, idle: 0, maxUses: 3, onDiagnostic, ...options })
  pools.push(pool)
  return pool
}
const statsOf = (pool: SandboxPool) => pool.stats().templates['box']!
const idOf = ({ sandbox }: SandboxLease) => sandbox.id

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close({ force: true })))
  failures.splice(0)
})

const FOLDERS = ['/tmp', '/dev/shm', '/workspace']

/** What one use can leave for the next: files of each kind, a folder that is read-only, and a daemon in a session of its own. */
async function plant(sandbox: ContainerSandbox): Promise<void> {
  const script = `
    for folder in ${FOLDERS.join(' ')}; do
      echo secret > $folder/file; echo secret > $folder/.hidden; ln -s / $folder/link; mkfifo $folder/fifo
      mkdir -p $folder/deep/er; echo secret > $folder/deep/er/file; chmod 500 $folder/deep/er; chmod 500 $folder/deep
    done
    setsid sh -c 'trap "" TERM HUP; while :; do echo alive > /tmp/daemon; sleep 0.02; done' < /dev/null > /dev/null 2>&1 &
    sleep 0.1`
  await sandbox.shell(script, { check: true })
  sandbox
    .spawn('sh', ['-c', 'setsid sleep 1000 & echo $! > /workspace/pid; exec sleep 1000'])
    .on('error', () => undefined)
  await expect.poll(() => sandbox.running.length).toBe(1)
}
/** What of it the next use sees. */
async function found(sandbox: ContainerSandbox): Promise<{ files: string; sleepers: number }> {
  const { stdout: files } = await sandbox.run('find', [...FOLDERS, '-mindepth', '1'])
  const processes = await sandbox.shell('cat /proc/[0-9]*/cmdline 2> /dev/null | tr "\\0" " "')
  return { files, sleepers: processes.stdout.split('sleep').length - 1 }
}

it('a sandbox that nobody clears shows all of the last use', () =>
  withSandbox(template, async (sandbox) => {
    await plant(sandbox)
    const { files, sleepers } = await found(sandbox)
    for (const folder of FOLDERS) expect(files).toContain(`${folder}/deep/er/file`)
    expect(sleepers).toBeGreaterThanOrEqual(2)
  }))

describe('a sandbox that is used again', () => {
  it('shows nothing of the last use', async () => {
    const pool = await open()
    const first = await pool.acquire({ affinity: 'acme' })
    await plant(first.sandbox)
    let calls = 0
    first.sandbox.on('exit', () => (calls += 1))
    await first.release()
    expect(failures).toEqual([])
    expect(statsOf(pool)).toMatchObject({ reused: 1, used: 0, discards: { reset: 0, used: 0 } })
    const second = await pool.acquire({ affinity: 'acme' })
    expect(second).toMatchObject({ warm: true, use: 2 })
    expect(idOf(second)).toBe(idOf(first))
    expect(await found(second.sandbox)).toEqual({ files: '', sleepers: 0 })
    await second.sandbox.kill()
    expect(calls).toBe(0)
  })

  it('goes to the same affinity alone, at most so often', async () => {
    const pool = await open({ maxUses: 2, idle: 1 })
    const first = await pool.acquire({ affinity: 'acme' })
    await first.release()
    const others = await Promise.all([
      pool.acquire({ affinity: 'other' }),
      pool.acquire({ affinity: 'acme/team' }),
      pool.acquire(),
    ])
    expect(others.map(idOf)).not.toContain(idOf(first))
    const second = await pool.acquire({ affinity: 'acme' })
    expect(idOf(second)).toBe(idOf(first))
    await second.release()
    expect(second.sandbox.state).toBe('exited')
    // Without an affinity there is nobody who may have it again.
    await others[2].release()
    expect(others[2].sandbox.state).toBe('exited')
    expect(statsOf(pool).reused).toBe(0)
  })

  it('goes to who waits for it', async () => {
    const pool = await open({ maxStarts: 1 })
    const first = await pool.acquire({ affinity: 'acme' })
    let calls = 0
    first.sandbox.on('exit', () => (calls += 1))
    const waiting = ['other', 'acme'].map((affinity) => pool.acquire({ affinity }))
    await first.release()
    const [other, acme] = await Promise.all(waiting)
    expect(idOf(acme!)).toBe(idOf(first))
    expect(idOf(other!)).not.toBe(idOf(first))
    await acme!.sandbox.kill()
    expect(calls).toBe(0)
  })

  it('is not kept when its user says so, has ended it, or left it in another state', async () => {
    const pool = await open()
    const uses: [expected: object, use: (lease: SandboxLease) => Promise<unknown>][] = [
      [{ used: 1 }, (lease) => lease.release({ reuse: false })],
      [{ ended: 1 }, ({ sandbox }) => sandbox.kill()],
      [{ reset: 1 }, ({ sandbox }) => sandbox.shell('chmod 700 /tmp', { check: true })],
    ]
    for (const [expected, use] of uses) {
      const lease = await pool.acquire({ affinity: 'acme' })
      await use(lease)
      await lease.release()
      expect(statsOf(pool)).toMatchObject({ reused: 0, discards: expected })
      expect(lease.sandbox.state).toBe('exited')
    }
    expect(String(failures[0])).toMatch(/the mode of \/tmp is 40700 instead of 41777/)
  })

  it('keeps no process whose supervisor the guest has killed', async () => {
    const pool = await open()
    const first = await pool.acquire({ affinity: 'acme' })
    const script = '(setsid sleep 1000 &) ; (setsid sleep 1000 &); kill -KILL $PPID; sleep 1000'
    await first.sandbox.shell(script)
    await first.release()
    const second = await pool.acquire({ affinity: 'acme' })
    expect(idOf(second)).toBe(idOf(first))
    expect(await found(second.sandbox)).toEqual({ files: '', sleepers: 0 })
  })

  it.each(['--shmem 4096', '--semaphore 1', '--queue'])('is not kept with an object of ipcmk %s', async (object) => {
    const pool = await open({ templates: { box: { base: 'host' } } })
    const lease = await pool.acquire({ affinity: 'acme' })
    await lease.sandbox.shell(`ipcmk ${object}`, { check: true })
    await lease.release()
    expect(String(failures[0])).toMatch(/1 objects are left in \/proc\/sysvipc\/(shm|sem|msg)/)
    expect(statsOf(pool)).toMatchObject({ reused: 0, discards: { reset: 1 } })
  })

  it('is not kept when what is made in it would get another mode', async () => {
    const pool = await open({ templates: { box: { base: 'host', ...template } } })
    const lease = await pool.acquire({ affinity: 'acme' })
    // A default ACL (acl(5)) by which nobody may do anything, not even the owner; version 2, entries of tag, permissions and id.
    const entries = [0x01, 0x04, 0x20].map((tag) => `pack('<HHI', ${tag}, 0, 0xffffffff)`)
    const python = `import os; from struct import pack
os.setxattr('/workspace', 'system.posix_acl_default', b''.join([pack('<I', 2), ${entries.join(', ')}]))`
    await lease.sandbox.run('python3', ['-c', python], { check: true })
    const { stdout } = await lease.sandbox.shell('echo x > /workspace/file; stat -c %a /workspace /workspace/file')
    expect(stdout).toBe('755\n0\n')
    await lease.release()
    expect(String(failures[0])).toContain('the mode of a new folder in /workspace is 40000 instead of 40755')
    expect(statsOf(pool)).toMatchObject({ reused: 0, discards: { reset: 1 } })
  })

  it('is kept for a time, and each affinity has so many', async () => {
    const pool = await open({ maxReusedTotal: 2, maxReused: 1, reuseIdleMs: 3_000, maxStarts: 4 })
    const leases = await Promise.all(['a', 'a', 'b', 'c'].map((affinity) => pool.acquire({ affinity })))
    for (const lease of leases) await lease.release()
    expect(statsOf(pool)).toMatchObject({ reused: 2, discards: { surplus: 2 } })
    expect(leases.map(({ sandbox }) => sandbox.state === 'ready')).toEqual([false, false, true, true])
    await expect.poll(() => statsOf(pool), { timeout: 20_000 }).toMatchObject({ reused: 0, discards: { stale: 2 } })
    await expect.poll(ownContainers, { timeout: 20_000 }).toEqual([])
  })

  it('is not kept with a process that was not there before its first use', () =>
    withSandbox(template, async (sandbox) => {
      const baseline = await readBaseline(sandbox, template.writable)
      const processes = new Set([...baseline.processes].slice(1))
      const error = await rejection(resetSandbox(sandbox, { ...baseline, processes }, 5_000))
      expect(String(error)).toMatch(/1 processes are left: \d+/)
      await resetSandbox(sandbox, baseline, 5_000)
    }))

  it('is discarded when it cannot be cleared in time', async () => {
    const pool = await open({ resetTimeoutMs: 200 })
    const lease = await pool.acquire({ affinity: 'acme' })
    const container = engine.getContainer(lease.sandbox.containerId!)
    await container.pause()
    await lease.release()
    expect(String(failures[0])).toContain('resetTimeoutMs')
    expect(statsOf(pool)).toMatchObject({ reused: 0, discards: { reset: 1 } })
    await expect.poll(ownContainers, { timeout: 20_000 }).toEqual([])
  })

  it('is ended although what hears of the failure throws', async () => {
    const pool = await open({
      onDiagnostic: () => {
        throw new Error('nobody hears this')
      },
    })
    const lease = await pool.acquire({ affinity: 'acme' })
    await lease.sandbox.shell('chmod 700 /tmp', { check: true })
    await lease.release()
    expect(statsOf(pool)).toMatchObject({ reused: 0, discards: { reset: 1 } })
    expect(await ownContainers()).toEqual([])
  })

  it('is ended by a close that comes while it is cleared', async () => {
    const pool = await open()
    const lease = await pool.acquire({ affinity: 'acme' })
    await plant(lease.sandbox)
    const released = lease.release()
    await delay(5)
    await pool.close()
    await released
    expect(await ownContainers()).toEqual([])
  })
})
