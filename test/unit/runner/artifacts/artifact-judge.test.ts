import { expect, test } from 'vitest'
import { ArtifactError } from '../../../../src/errors.js'
import { compileSelection } from '../../../../src/glob/index.js'
import { ArtifactJudge } from '../../../../src/runner/artifacts/artifact-judge.js'

test('a million long paths are too many for one list, whatever the caps are', () => {
  const limits = { maxFiles: 10_000_000, maxBytes: 1, maxPathBytes: 4000 }
  const judge = new ArtifactJudge(compileSelection(['**']), limits)
  const folders = Array.from({ length: 8 }, (_, depth) => String(depth).repeat(250))
  const admitAll = (): void => {
    for (let index = 0; index < 1_000_000; index++)
      judge.admit({ segments: [...folders, `f${String(index).padStart(7, '0')}`], type: 'file', size: 0 })
  }
  expect(admitAll).toThrow(ArtifactError)
  // A record of more than 64 MiB is not read any more.
  expect(JSON.stringify(judge.files).length).toBeLessThan(32 * 1024 ** 2)
})
