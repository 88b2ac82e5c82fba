import { describe, expect, it } from 'vitest'
import { judgeUids } from '../../../../src/cli/doctor/uids.js'

describe('uids of sandboxes', () => {
  it.each(['', 'root:100000:65536\n', 'a:134464:65536\nb:265536:65536'])('are theirs alone with %j', (text) => {
    expect(judgeUids(text)).toMatchObject({ status: 'ok', found: '200000 to 265535' })
  })

  it.each(['eve:165536:65536', 'eve:265535:1', 'eve:200000:1\neve:210000:5', 'eve:100000:400000'])(
    'are shared with %j',
    (text) => {
      expect(judgeUids(`root:100000:65536\n${text}`)).toMatchObject({
        status: 'warn',
        found: '200000 to 265535, some of them given to eve',
      })
    },
  )
})
