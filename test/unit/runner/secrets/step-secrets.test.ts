import { expect, test } from 'vitest'
import { selectStepSecrets } from '../../../../src/runner/secrets/index.js'

const secrets = { TOKEN: 'one-one', KEY: 'two-two', OTHER: 'three-three' }

test('a step gets what it names, as it names it, and nothing else', () => {
  const selected = selectStepSecrets(
    [
      { name: 'TOKEN', as: 'env' },
      { name: 'KEY', as: 'file' },
      { name: 'TOKEN', as: 'file' },
      { name: 'KEY', as: 'file' },
    ],
    secrets,
  )
  expect(selected).toEqual({
    env: { TOKEN: 'one-one' },
    files: [
      { name: 'KEY', value: 'two-two' },
      { name: 'TOKEN', value: 'one-one' },
    ],
  })
  expect(selectStepSecrets([], secrets)).toEqual({ env: {}, files: [] })
})

test('a name that only an object has by itself is none', () => {
  expect(selectStepSecrets([{ name: 'constructor', as: 'env' }], secrets)).toEqual({ env: {}, files: [] })
})
