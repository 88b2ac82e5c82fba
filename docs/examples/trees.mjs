import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContainerSandbox } from 'container-sandbox'

const source = await mkdtemp(join(tmpdir(), 'source-'))
const output = await mkdtemp(join(tmpdir(), 'output-'))
await writeFile(join(source, 'words.txt'), 'b\na\nc\n')

const sandbox = await ContainerSandbox.create({ writable: ['/work'] })
try {
  await sandbox.fs.upload(source, '/work/in')
  await sandbox.shell('mkdir -p out && sort in/words.txt > out/sorted.txt', { cwd: '/work', check: true })
  await sandbox.fs.download('/work/out', output)
} finally {
  await sandbox.kill()
}
console.log(JSON.stringify(await readFile(join(output, 'sorted.txt'), 'utf8')))
