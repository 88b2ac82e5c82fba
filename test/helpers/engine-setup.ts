/**
 * Runs once before the projects that need an engine. A missing engine fails the suite with one message: a test that is
 * skipped proves nothing.
 */
import { DockerDriver } from '../../src/driver/docker/docker-driver.js'

export async function setup(): Promise<void> {
  const driver = new DockerDriver({ requestTimeoutMs: 10_000 })
  try {
    await driver.info()
  } catch (error) {
    throw new Error(`These tests need a container engine; run scripts/setup first. ${(error as Error).message}`)
  } finally {
    await driver.close()
  }
}
