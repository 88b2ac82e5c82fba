/** `doctor`: what this machine and its engine can enforce. */
import { DockerDriver } from '../driver/docker/docker-driver.js'
import type { EngineInfo } from '../driver/driver.js'
import { EngineUnavailableError } from '../errors.js'
import { KIND_LABEL } from '../image/image-labels.js'
import { judgeEngine } from './doctor/engine.js'
import { fail, formatFindings, ok, warn, type Finding } from './doctor/finding.js'
import { readHostFindings } from './doctor/host.js'
import { judgePrograms } from './doctor/programs.js'
import { readUidFinding } from './doctor/uids.js'
import { readWorkspaceFinding } from './doctor/workspaces.js'
import { EXIT_FAILURE } from './exit-code.js'
import type { Terminal } from './terminal.js'

/** An engine that takes longer than this to describe itself is in trouble. */
const REQUEST_TIMEOUT_MS = 10_000

/** @returns 0, or 125 when something is found that keeps sandboxes from running */
export async function diagnoseEngine(terminal: Terminal, flags: { readonly json?: boolean }): Promise<number> {
  const driver = new DockerDriver({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
  try {
    const { info, findings } = await askEngine(driver)
    const all = [
      ...findings,
      ...readHostFindings(info),
      judgePrograms(),
      readUidFinding(),
      await readWorkspaceFinding(info),
    ]
    const failed = all.some(({ status }) => status === 'fail')
    if (flags.json === true) terminal.printJson({ ok: !failed, engine: info, findings: all })
    else terminal.print(formatFindings(all))
    return failed ? EXIT_FAILURE : 0
  } finally {
    await driver.close()
  }
}

async function askEngine(driver: DockerDriver): Promise<{ info: EngineInfo | null; findings: Finding[] }> {
  try {
    const info = await driver.info()
    return { info, findings: [...judgeEngine(info), await judgeRunner(driver)] }
  } catch (error) {
    if (!(error instanceof EngineUnavailableError)) throw error
    const action = 'start Docker (sudo systemctl start docker), or name another engine with DOCKER_HOST'
    return { info: null, findings: [fail('engine', error.message, 'no sandbox can start', action)] }
  }
}

async function judgeRunner(driver: DockerDriver): Promise<Finding> {
  const images = await driver.images.list({ [KIND_LABEL]: 'runner' })
  const [newest] = images
  if (newest !== undefined) return ok('runner base', newest.tags[0] ?? newest.id, 'sandboxes start without building it')
  const meaning = 'the first sandbox builds it, which takes some seconds'
  return warn('runner base', 'not built', meaning, 'container-sandbox image build')
}
