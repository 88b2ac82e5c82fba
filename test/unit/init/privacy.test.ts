/** Everything in a sandbox has one uid. What keeps a guest out of init and its supervisors is that they are not dumpable. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInitVariant } from '../../helpers/init-build.js'
import { TestInit } from '../../helpers/init-client.js'

const attacks = [
  ['list its descriptors', 'ls /proc/TARGET/fd/'],
  ['resolve a descriptor', 'stat -L /proc/TARGET/fd/0'],
  ['read its environment', 'cat /proc/TARGET/environ'],
  ['read its memory map', 'cat /proc/TARGET/maps'],
  ['open its memory for writing', 'exec 7<>/proc/TARGET/mem'],
] as const
const cases = (['1', '$PPID'] as const).flatMap((target) =>
  attacks.map(([name, script]) => ({ of: target === '1' ? 'init' : 'its supervisor', name, script, target })),
)

async function attack(
  init: TestInit,
  script: string,
  target: string,
): Promise<{ succeeded: boolean; refused: boolean }> {
  const result = await init.shell(`{ ${script.replace('TARGET', target)}; } >/dev/null`)
  return { succeeded: result.waitStatus === 0, refused: /Permission denied/i.test(result.stderr) }
}

/** Yama refuses the memory of every process that is no descendant, dumpable or not. */
function yamaGuardsMemory(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim() !== '0'
  } catch {
    return false
  }
}

describe.each([
  ['as it is shipped', { initMode: 0o711 }],
  ['even from a readable file', { initMode: 0o755 }],
])('%s, a process of the same uid cannot', (_name, options) => {
  let init: TestInit
  beforeAll(async () => {
    init = await TestInit.start(options)
  })
  afterAll(() => init[Symbol.asyncDispose]())

  test.each(cases)('$name of $of', async ({ script, target }) => {
    expect(await attack(init, script, target)).toEqual({ succeeded: false, refused: true })
  })
})

describe('from an unreadable file alone, a process of the same uid cannot', () => {
  let init: TestInit
  beforeAll(async () => {
    init = await TestInit.start({ initPath: await buildInitVariant('INIT_TEST_DUMPABLE') })
  })
  afterAll(() => init[Symbol.asyncDispose]())

  test.each(cases)('$name of $of', async ({ script, target }) => {
    expect(await attack(init, script, target)).toEqual({ succeeded: false, refused: true })
  })
})

describe('without both protections, a process of the same uid can', () => {
  let init: TestInit
  beforeAll(async () => {
    init = await TestInit.start({ initPath: await buildInitVariant('INIT_TEST_DUMPABLE'), initMode: 0o755 })
  })
  afterAll(() => init[Symbol.asyncDispose]())

  const open = cases.filter(({ script }) => !(script.endsWith('/mem') && yamaGuardsMemory()))
  test.each(open)('$name of $of', async ({ script, target }) => {
    expect(await attack(init, script, target)).toEqual({ succeeded: true, refused: false })
  })
})

test('a command itself is an ordinary, dumpable process', async () => {
  await using init = await TestInit.start()
  expect((await init.shell('ls /proc/$$/fd && cat /proc/$$/environ >/dev/null')).waitStatus).toBe(0)
})
