import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Another version is asked for by `INTERLINE_TEST_KAFKA_VERSION`, such as 3.9.1. */
const version = process.env.INTERLINE_TEST_KAFKA_VERSION || '4.1.0'
const fetchLimitMs = 180_000

/** Kafka's jars, kept outside the repository for the next run. Fetched by Maven where they are not there yet. */
export async function kafkaJars(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'interline', 'kafka')
  const folder = join(cache, version)
  if (await exists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(tmpdir(), 'interline-kafka-jars-'))
  try {
    await writeFile(join(work, 'pom.xml'), project())
    const libraries = join(work, 'libs')
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`], { cwd: work, timeout: fetchLimitMs })
    if ((await readdir(libraries)).length === 0) throw new Error('Maven copied nothing.')
    // whole or not at all, also where two processes fetch at once
    const finished = await mkdtemp(join(cache, 'fetched-'))
    await rm(finished, { recursive: true })
    await moved(libraries, finished)
    await rename(finished, folder).catch(async (error: unknown) => {
      await rm(finished, { recursive: true, force: true })
      if (!(await exists(folder))) throw error
    })
    return folder
  } catch (error) {
    throw new Error('Kafka could not be fetched. Install Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven).', {
      cause: error,
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The temporary folder may be on another disk. */
async function moved(from: string, to: string): Promise<void> {
  await run('cp', ['-r', from, to])
}

function project(): string {
  const libraries = [
    ['org.apache.kafka', 'kafka_2.13', version],
    ['org.apache.kafka', 'kafka-tools', version],
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
  ]
  const dependency = ([group, artifact, number]: readonly string[]): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${number}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>interline</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies>${libraries.map(dependency).join('')}</dependencies></project>`
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
