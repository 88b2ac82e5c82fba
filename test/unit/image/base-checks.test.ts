import { expect, test } from 'vitest'
import type { ImageFacts } from '../../../src/driver/driver.js'
import { ImageError } from '../../../src/errors.js'
import { assertFitBase } from '../../../src/image/base-checks.js'
import { imageLabels } from '../../../src/image/image-labels.js'
import { readElf } from '../../../src/image/elf.js'
import { machineNames } from '../../../src/image/library-paths.js'

const facts = (labels: Record<string, string>): ImageFacts => ({
  id: 'sha256:1',
  tags: [],
  env: {},
  volumes: [],
  onBuild: [],
  labels,
  architecture: machineNames(readElf(process.execPath)!.machine).docker,
  sizeBytes: 1,
  layers: [],
})

test('the home of another user is no base, by whatever reference, also where nobody can look into images', () => {
  for (const reference of ['container-sandbox/home:0123', `sha256:${'1'.repeat(64)}`, '0123456789ab', 'mine:1'])
    expect(() => assertFitBase(reference, facts(imageLabels('home', 'key')))).toThrow(ImageError)
  expect(() => assertFitBase('debian', facts({}))).not.toThrow()
  expect(() => assertFitBase('debian', facts({ maintainer: 'home' }))).not.toThrow()
})
