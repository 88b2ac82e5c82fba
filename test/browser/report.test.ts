import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildReport } from '../../src/trace/report/index.js'
import { dumpDocument } from '../helpers/browser.js'
import { buildEvents, HOSTILE_NAMES, hostileEvents, START_MS } from '../unit/trace/report/sample-events.js'

const outcome = { name: 'exited', exitCode: 0, signal: null }
const plain = { title: 'make', startedAtMs: START_MS, command: ['make'], outcome }

/** What of the file tree is shown, as one reads it: `name` of each entry that is not hidden and has no entries below. */
function shownNames(document: string): string[] {
  const tree = /<ul class="tree" id="tree">([^]*)<p class="note" id="nothing"/.exec(document)?.[1] ?? ''
  const items = [...tree.matchAll(/<li([^>]*)><code>([^<]*)<\/code>/g)]
  return items.filter(([, attributes]) => !attributes?.includes('hidden')).map(([, , name]) => name ?? '')
}

/** Of every element in the page. */
function attributeNames(document: string): string[] {
  const tags = document.matchAll(/<[a-z][a-z0-9]*((?:\s+[^\s=>"]+(?:="[^"]*")?)*)\s*>/g)
  return [...tags].flatMap(([, text]) =>
    [...(text ?? '').matchAll(/([^\s=>"]+)(?:="[^"]*")?/g)].map(([, name]) => name ?? ''),
  )
}

const titleOf = (document: string): string | undefined => /<title>([^<]*)<\/title>/.exec(document)?.[1]
const tagsIn = (document: string, tag: string): number => document.split(`<${tag}`).length - 1

describe('the filter', () => {
  const page = buildReport({ ...plain, events: buildEvents() })

  test('is offered when scripts run, and all names are shown', async () => {
    const document = await dumpDocument(page)
    expect(document).toMatch(/<form class="filter" id="filter"(?![^>]* hidden)/)
    expect(document).toMatch(/<output [^>]*>57 names<\/output>/)
    expect(shownNames(document)).toEqual(expect.arrayContaining(['unit3.o', 'shadow', 'Makefile']))
  })

  test('shows what has the text of the address, wherever in the path it stands', async () => {
    const document = await dumpDocument(page, { hash: '#filter=INCLUDE/std' })
    expect(shownNames(document).sort()).toEqual(['include/stdio.h', 'local/include/stdio.h', 'stdio.h', 'stdlib.h'])
    expect(document).toMatch(/<output [^>]*>4 of 57 names<\/output>/)
  })

  test('shows only what was refused', async () => {
    const document = await dumpDocument(page, { hash: '#refused=1' })
    expect(shownNames(document).sort()).toEqual(['ls', 'root', 'shadow'])
  })

  test('leaves out what was not there', async () => {
    const names = shownNames(await dumpDocument(page, { hash: '#present=1' }))
    expect(names).not.toContain('GNUmakefile')
    expect(names).toContain('Makefile')
  })

  test('says so when no name matches', async () => {
    const document = await dumpDocument(page, { hash: '#filter=nothing-like-it' })
    expect(shownNames(document)).toEqual([])
    expect(document).toMatch(/<p class="note" id="nothing">/)
  })

  test('a filter is text, never markup', async () => {
    const hash = `#filter=${encodeURIComponent('<img src=x onerror="document.title=1">')}`
    const document = await dumpDocument(page, { hash })
    expect({ title: titleOf(document), images: tagsIn(document, 'img') }).toEqual({ title: 'make', images: 0 })
  })
})

test('without its script everything is there, and no filter that does not work', async () => {
  const page = buildReport({ ...plain, events: buildEvents() }).replace(/<script>[^]*<\/script>/, '')
  const document = await dumpDocument(page)
  expect(document).toMatch(/<form class="filter" id="filter"[^>]* hidden/)
  expect(shownNames(document)).toEqual(expect.arrayContaining(['unit3.o', 'shadow', 'Makefile', 'GNUmakefile']))
})

describe('a hostile guest', () => {
  let server: Server
  let address = ''
  let requests = 0
  beforeAll(async () => {
    server = createServer((_request, response) => {
      requests += 1
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.png`
  })
  afterAll(() => server.close())

  const title = HOSTILE_NAMES.script
  const page = buildReport({ ...plain, title, command: ['sh', '-c', HOSTILE_NAMES.image], events: hostileEvents() })

  test('adds no element to the page and runs nothing', async () => {
    const document = await dumpDocument(page, { hash: '#filter=script' })
    expect(titleOf(document)).toBe('&lt;script&gt;document.title="owned"&lt;/script&gt;')
    const tags = Object.fromEntries(
      ['script', 'img', 'h1', 'style', 'title', 'iframe', 'link'].map((tag) => [tag, tagsIn(document, tag)]),
    )
    expect(tags).toEqual({ script: 1, img: 0, h1: 1, style: 1, title: 1, iframe: 0, link: 0 })
    expect(attributeNames(document).filter((name) => name.startsWith('on'))).toEqual([])
    // The page's own script runs all the same.
    expect(document).toMatch(/<output [^>]*>\d+ of \d+ names<\/output>/)
  })

  test('is held by the policy of the page even where text got in as markup', async () => {
    const evil = `<script>document.title="owned"</script><img src="${address}" onerror="document.title='owned'">`
    const broken = page.replace('<p class="over">', `${evil}<p class="over">`)
    requests = 0
    expect(titleOf(await dumpDocument(broken))).not.toBe('owned')
    expect(requests).toBe(0)
    // The same without the policy: it is the policy that held.
    const open = broken.replace(/<meta\s+http-equiv[^>]*>/, '')
    expect(titleOf(await dumpDocument(open))).toBe('owned')
    expect(requests).toBeGreaterThan(0)
  })
})
