/**
 * The other side of every protection: what people build with runs under the whole posture, with the same output as without
 * the filter and the masks. The host's own tools are mounted read-only into an image that holds nothing but a probe.
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContainerSpec } from '../../src/policy/container-spec.js'
import { MIB, ProbeLab, type Weaken } from '../helpers/probe-lab.js'

/** One script for each tool. The last line of the output must be `done`. */
const WORKLOADS: Record<string, string> = {
  sh: 'i=0; while [ $i -lt 20 ]; do i=$((i+1)); done; (sleep 0.05 & wait); printf "a\\nb\\n" | sort -r | head -1; trap "echo term" TERM; kill -TERM $$; mkfifo p; (echo fifo > p &) ; cat p',
  coreutils:
    'mkdir -p d/e && echo x > d/e/f && cp -a d g && ln -s f g/e/l && mv g h && find h | sort && tar cf t.tar h && tar tf t.tar | sort && gzip t.tar && du -sb d | cut -f1 && nproc > /dev/null && date > /dev/null && df . > /dev/null && dd if=/dev/zero of=z bs=1k count=4 2> /dev/null && sync z && split -b 1k z && ls | wc -l',
  gcc: 'printf "#include <stdio.h>\\n#include <pthread.h>\\nstatic void *f(void *x) { puts(\\"thread\\"); return x; }\\nint main(void) { pthread_t t; pthread_create(&t, 0, f, 0); pthread_join(t, 0); return 0; }\\n" > a.c && gcc -O2 -pipe -pthread -o a a.c && ./a && gcc -O2 -flto=2 -c a.c && ar rcs liba.a a.o',
  make: 'printf "all: a b c\\na b c:\\n\\t@touch \\$@\\n" > Makefile && make -j3 --output-sync && ls a b c',
  git: 'git init -q r && cd r && git config user.email a@b && git config user.name n && echo 1 > f && git add f && git commit -qm one && echo 2 >> f && git commit -qam two && git gc -q && git clone -q . ../c && git -C ../c log --format=%s && git fsck --no-progress',
  python3:
    "python3 -c \"import subprocess, threading, multiprocessing, tempfile, socket, ssl, sqlite3, asyncio, os, mmap, select, signal; print(subprocess.run(['echo', 'sub'], capture_output=True, text=True).stdout.strip()); p = multiprocessing.get_context('fork').Process(target=print, args=('process',)); p.start(); p.join(); t = threading.Thread(target=print, args=('thread',)); t.start(); t.join(); a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1)); asyncio.run(asyncio.sleep(0)); c = sqlite3.connect('d.db'); c.execute('create table t (x)'); c.commit(); print(len(os.urandom(4)))\"",
  node: "node -e \"const { execFileSync } = require('child_process'); const { Worker } = require('worker_threads'); const fs = require('fs'); console.log(String(execFileSync('echo', ['sub'])).trim()); const s = require('net').createServer((c) => c.end('hi')).listen(0, '127.0.0.1', () => require('net').connect(s.address().port, '127.0.0.1').on('data', (d) => { console.log(String(d)); s.close(); fs.watch('.').close(); new Worker('console.log(1)', { eval: true }).on('exit', () => console.log(require('crypto').createHash('sha1').update('x').digest('hex'))) }))\"",
  npm: 'mkdir p && cd p && npm init -y > /dev/null && npm pkg set scripts.hello="echo hello" && npm run -s hello && npm pack --silent && mkdir q && cd q && npm init -y > /dev/null && npm install --offline --no-audit --no-fund --silent ../p-1.0.0.tgz && ls node_modules',
  'g++':
    'printf "#include <iostream>\\n#include <thread>\\n#include <filesystem>\\nint main() { std::thread([] { std::cout << 1 << std::endl; }).join(); std::filesystem::copy_file(\\"a.cc\\", \\"b.cc\\"); }\\n" > a.cc && g++ -std=c++17 -o a a.cc && ./a',
  perl: 'perl -e \'my $p = fork; if (!$p) { print "child\\n"; exit } waitpid $p, 0; open my $f, "-|", "echo pipe"; print <$f>; use File::Temp; File::Temp->new; use IPC::Open3; print "ok\\n"\'',
  cmake:
    'printf "cmake_minimum_required(VERSION 3.10)\\nproject(x C)\\nadd_executable(x x.c)\\n" > CMakeLists.txt && echo "int main(void) { return 0; }" > x.c && cmake -S . -B b > log && cmake --build b -j2 >> log && ./b/x',
  java: 'printf "public class A { public static void main(String[] a) throws Exception { Thread t = new Thread(() -> System.out.println(1)); t.start(); t.join(); System.out.println(new java.io.File(\\".\\").list().length); } }" > A.java && java -Xmx128m A.java',
}

/** Where node is comes first: it need not be Debian's. */
const PATH = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin']

/** `scripts/setup --test` installs all but Java, which is too large for that: it is tried where it is. */
const workloads = Object.entries(WORKLOADS).filter(
  ([tool]) => tool !== 'java' || PATH.some((folder) => existsSync(`${folder}/java`)),
)

let lab: ProbeLab
let spec: ContainerSpec

beforeAll(async () => {
  lab = await ProbeLab.open()
  const configuration = (await readdir('/etc'))
    .filter((name) => name === 'alternatives' || name.startsWith('java-'))
    .map((name) => `/etc/${name}`)
  const folders = ['/usr', '/lib', '/lib64', '/bin', ...configuration].filter((path) => existsSync(path))
  const mounts = folders.map((path) => ({ source: path, target: path, writable: false }))
  spec = lab.spec(
    { mounts },
    {},
    { memoryBytes: 768 * MIB, scratchBytes: 128 * MIB, shmBytes: 16 * MIB, pids: 256, openFiles: 1024, cpuCount: 2 },
  )
})
afterAll(() => lab[Symbol.asyncDispose]())

const run = (script: string, weaken?: Weaken) =>
  lab.run(['/bin/sh', '-c', `export HOME=/work PATH=${PATH.join(':')} LC_ALL=C; cd /work && ${script} && echo done`], {
    spec,
    weaken,
  })

const noFilterNoMasks: Weaken = (body) => {
  body.HostConfig.SecurityOpt = ['no-new-privileges', 'seccomp=unconfined']
  body.HostConfig.MaskedPaths = []
}

describe('under the whole posture', () => {
  test.each(workloads)('%s works as without the filter', async (_tool, script) => {
    const guarded = await run(script)
    expect(guarded.lines.at(-1), guarded.errors).toBe('done')
    const bare = await run(script, noFilterNoMasks)
    expect(guarded.output).toBe(bare.output)
    expect(guarded.errors).toBe(bare.errors)
  })
})
