import JailKeeper from 'container-sandbox/compat/jailkeeper'

const jail = new JailKeeper({
  read: ['/usr/bin'],
  write: ['./tmp/jail2'],
})
jail.on('jailbreak', ({ mode, file }) => console.log('jailbreak:', mode, file))
jail.on('exit', (code, signal) => console.log('exit:', code, signal))
jail.stdout.on('data', (data) => console.log('stdout:', data.toString().trim()))

jail.spawn('sh', ['-c', 'echo "hello world"; sleep 1; cat /etc/passwd > /dev/null; sleep 30'])
