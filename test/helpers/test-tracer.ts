/** Runs the real tracer and the host's strace in the PID namespace of a {@link TestInit}, as the sidecar does in a container. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { buildTracer } from './init-build.js'
import type { TestInit } from './init-client.js'

const CALLS = 'trace=?access,?faccessat,openat,execve,?open,clone,?fork,?vfork,kill'

/** Who traces a process, as pids of this process' namespace; 0: nobody. */
export function tracerOf(pid: number): number {
  return Number(/^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

export class TestTracer {
  /** What strace printed. */
  lines = ''
  /** What the tracer said on stderr. */
  words = ''
  /** The tracer's exit code. It ends with the namespace at the latest. */
  readonly ended: Promise<number | null>

  private constructor(child: ChildProcess) {
    this.ended = new Promise((resolve) => child.on('close', resolve))
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (this.lines += text))
    child.stderr?.setEncoding('latin1').on('data', (text: string) => (this.words += text))
  }

  /** Attaches to PID 1 of the namespace, and waits until the tracer says that it did. */
  static async attach(init: TestInit, more: readonly string[] = ['--seccomp-bpf', '-e', CALLS]): Promise<TestTracer> {
    const tracer = await buildTracer()
    await expect.poll(() => init.atGate, { timeout: 5_000, interval: 5 }).toBe(true)
    const strace = ['/usr/bin/strace', '-f', '-ttt', '-y', '-s', '512', '-e', 'signal=!SIGCHLD', ...more, '-p', '1']
    const child = spawn('nsenter', ['-t', `${init.hostPid}`, '-p', '-m', '--', tracer, '--', ...strace], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const attached = new TestTracer(child)
    await expect.poll(() => attached.words, { timeout: 5_000, interval: 5 }).toBe('attached\n')
    return attached
  }

  /** Resolves when strace has printed a line like this one. */
  async untilLine(line: RegExp): Promise<void> {
    await expect.poll(() => this.lines, { timeout: 5_000, interval: 5 }).toMatch(line)
  }
}
