import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { resolveClosure } from '../../../src/image/elf-closure.js'

describe('resolveClosure', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'closure-'))
    mkdirSync(join(folder, 'own'))
    writeFileSync(join(folder, 'part.c'), 'int part(void) { return 7; }\n')
    writeFileSync(join(folder, 'main.c'), 'int part(void); int main(void) { return part(); }\n')
    const gcc = (...args: string[]): void => {
      execFileSync('gcc', args, { cwd: folder })
    }
    gcc('-shared', '-fPIC', '-Wl,-soname,libpart.so.1', '-o', 'own/libpart.so.1', 'part.c')
    gcc('-o', 'runpath', 'main.c', 'own/libpart.so.1', '-Wl,-rpath,$ORIGIN/own', '-Wl,--enable-new-dtags')
    gcc('-o', 'rpath', 'main.c', 'own/libpart.so.1', '-Wl,-rpath,${ORIGIN}/own', '-Wl,--disable-new-dtags')
    gcc('-o', 'nowhere', 'main.c', 'own/libpart.so.1')
    gcc('-static', '-o', 'static', 'main.c', 'part.c')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  /** What the loader itself says, as the truth to compare with. */
  function listed(program: string): string[] {
    const { loader } = resolveClosure([program])
    const output = execFileSync(loader, ['--list', program], { encoding: 'utf8', env: {} })
    return [...output.matchAll(/^\s+(\S+) => /gm)].map((match) => match[1] as string).filter((name) => name !== loader)
  }

  it.each([process.execPath, '/bin/sh', '/bin/grep', '/bin/tar', '/usr/bin/find'])(
    'agrees with the loader about %s',
    (program) => {
      expect([...resolveClosure([program]).libraries.keys()].sort()).toEqual(listed(program).sort())
    },
  )

  it.each(['runpath', 'rpath'])('follows $ORIGIN in a %s', (name) => {
    expect(resolveClosure([join(folder, name)]).libraries.get('libpart.so.1')).toBe(join(folder, 'own/libpart.so.1'))
  })

  it('names the program and the library that is nowhere', () => {
    const missing = (): unknown => resolveClosure([join(folder, 'nowhere')])
    expect(missing).toThrow(ImageError)
    expect(missing).toThrow(/nowhere needs the library own\/libpart\.so\.1|nowhere needs the library libpart\.so\.1/)
  })

  it('refuses a static program alone and scripts', () => {
    expect(() => resolveClosure([join(folder, 'static')])).toThrow(/statically linked/)
    expect(() => resolveClosure([join(folder, 'main.c')])).toThrow(/is no ELF program/)
  })

  it('pays no heed to LD_LIBRARY_PATH', () => {
    process.env['LD_LIBRARY_PATH'] = join(folder, 'own')
    try {
      expect(() => resolveClosure([join(folder, 'nowhere')])).toThrow(/libpart/)
    } finally {
      delete process.env['LD_LIBRARY_PATH']
    }
  })
})
