import { BuildRunner } from 'container-sandbox'

const runner = await BuildRunner.open({ concurrency: 2, pool: { idle: 0 } })
try {
  const source = { folder: new URL('project', import.meta.url).pathname }
  const steps = [{ name: 'page', run: './build.sh' }]
  const build = await runner.submit({ tenant: 'acme/alice', source, steps, artifacts: ['dist/**'] })
  for await (const event of build) if (event.type === 'output') process.stdout.write(event.text)
  console.log((await build.result).outcome)
} finally {
  await runner.close({ cancel: true })
}
