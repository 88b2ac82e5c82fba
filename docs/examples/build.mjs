import { BuildRunner } from 'container-sandbox'

const runner = await BuildRunner.open({
  concurrency: 2,
  pool: { idle: 0 },
  tenants: { acme: { weight: 2 } },
})
try {
  const build = await runner.submit({
    tenant: 'acme/alice',
    source: { folder: new URL('project', import.meta.url).pathname },
    steps: [
      { name: 'page', run: './build.sh' },
      { name: 'check', run: ['grep', '-c', '<li>', 'dist/page.html'], timeoutMs: 30_000 },
    ],
    artifacts: ['dist/**'],
  })
  let output = ''
  for await (const event of build) {
    if (event.type === 'output') output += event.text
    if (event.type === 'step' && event.state === 'finished') console.log(event.name, event.result.outcome)
  }
  const { outcome, artifacts } = await build.result
  console.log(JSON.stringify(output))
  console.log(outcome, artifacts.map(({ path }) => path).join(' '))
} finally {
  await runner.close({ cancel: true })
}
