/**
 * Bases that are as unlike the runner as bases get, made from Debian's packages and kept in the engine between runs:
 * `musl` has another libc, `empty` has nothing, `debian` is a whole distribution.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TestBase = 'musl' | 'empty' | 'debian'

/** Printed by `/bin/hello` of the musl base. */
export const MUSL_GREETING = 'hello from musl'

const LABEL = ['--change', 'LABEL container-sandbox-test=1']

/** @returns the reference of the base, after it was made if the engine does not have it. */
export function testBase(base: TestBase): string {
  const tag = `container-sandbox-test/${base}:1`
  try {
    execFileSync('docker', ['image', 'inspect', tag], { stdio: 'ignore' })
    return tag
  } catch {
    const folder = mkdtempSync(join(tmpdir(), 'container-sandbox-base-'))
    try {
      MAKERS[base](folder, tag)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    return tag
  }
}

const MAKERS: Readonly<Record<TestBase, (folder: string, tag: string) => void>> = {
  empty(folder, tag) {
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nLABEL container-sandbox-test=1\n')
    execFileSync('docker', ['build', '--quiet', '--tag', tag, folder], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    })
  },

  musl(folder, tag) {
    needPackages({ 'musl-gcc': 'musl-tools' })
    const source = join(folder, 'hello.c')
    const root = join(folder, 'root')
    mkdirSync(join(root, 'bin'), { recursive: true })
    mkdirSync(join(root, 'lib'))
    writeFileSync(source, `#include <stdio.h>\nint main(void) { puts("${MUSL_GREETING}"); return 0; }\n`)
    execFileSync('musl-gcc', ['-o', join(root, 'bin', 'hello'), source])
    const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
    copyFileSync(`/lib/ld-musl-${machine}.so.1`, join(root, 'lib', `ld-musl-${machine}.so.1`))
    importFolder(root, tag, ['--change', 'ENV GREETING=musl'])
  },

  debian(folder, tag) {
    needPackages({ mmdebstrap: 'mmdebstrap' })
    const archive = join(folder, 'root.tar')
    const suite = /VERSION_CODENAME=(\w+)/.exec(execFileSync('cat', ['/etc/os-release'], { encoding: 'utf8' }))?.[1]
    execFileSync('mmdebstrap', ['--quiet', '--variant=minbase', suite ?? 'stable', archive], { stdio: 'inherit' })
    execFileSync('docker', ['import', ...LABEL, archive, tag], { stdio: 'ignore' })
  },
}

function importFolder(root: string, tag: string, changes: readonly string[]): void {
  const archive = `${root}.tar`
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '--numeric-owner', '-cf', archive, '.'])
  execFileSync('docker', ['import', ...LABEL, ...changes, archive, tag], { stdio: 'ignore' })
}

/** Installs the Debian packages whose programs are missing. */
function needPackages(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => {
    try {
      execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { stdio: 'ignore' })
}
