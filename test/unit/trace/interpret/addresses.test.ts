import { describe, expect, test } from 'vitest'
import { interpretCall } from './interpret-lines.js'

const SOCKET = '4<socket:[9]>'
const INET = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}'
const INET6 =
  '{sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}'

/** Call, then `mode access file path`. */
const CALLS: readonly (readonly [call: string, ...addresses: string[]])[] = [
  [`connect(${SOCKET}, ${INET}, 16) = -1 ENETUNREACH (x)`, 'connect connect 10.0.0.1:80 10.0.0.1:80'],
  [`connect(${SOCKET}, ${INET6}, 28) = 0`, 'connect connect [::1]:53 [::1]:53'],
  [`bind(${SOCKET}, ${INET}, 16) = 0`, 'bind connect 10.0.0.1:80 10.0.0.1:80'],
  [`sendto(${SOCKET}, "{sa_family=AF_UNSPEC}", 3, 0, ${INET6}, 28) = 3`, 'connect connect [::1]:53 [::1]:53'],
  [`sendto(${SOCKET}, "hi", 2, 0, NULL, 0) = 2`],
  [
    `sendmsg(${SOCKET}, {msg_name=${INET}, msg_namelen=16, msg_iov=NULL}, 0) = 0`,
    'connect connect 10.0.0.1:80 10.0.0.1:80',
  ],
  [`sendmsg(${SOCKET}, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="{msg_name=", iov_len=9}]}, 0) = 0`],
  [
    `sendmmsg(${SOCKET}, [{msg_hdr={msg_name=${INET}, msg_namelen=16}, msg_len=1}, {msg_hdr={msg_name=${INET6}}}], 2, 0) = 2`,
    'connect connect 10.0.0.1:80 10.0.0.1:80',
    'connect connect [::1]:53 [::1]:53',
  ],
  [`sendmmsg(${SOCKET}, [{msg_hdr={msg_name=NULL}}, ...], 1000, 0) = 2`, 'connect connect ... ?'],
  [
    `connect(${SOCKET}, {sa_family=AF_UNIX, sun_path="/run/../run/x"}, 110) = 0`,
    'connect connect unix:/run/../run/x unix:/run/x',
  ],
  [
    `connect(${SOCKET}, {sa_family=AF_UNIX, sun_path="a\\"}, b"}, 110) = 0`,
    'connect connect unix:a"}, b unix:/work/a"}, b',
  ],
  [`connect(${SOCKET}, {sa_family=AF_UNIX, sun_path=@"abs\\0x"}, 8) = 0`, 'connect connect unix:@abs\0x unix:@abs\0x'],
  [`bind(${SOCKET}, {sa_family=AF_UNIX, sun_path="s"}, 110) = 0`, 'bind write s /work/s'],
  [`bind(${SOCKET}, {sa_family=AF_UNIX}, 2) = 0`, 'bind connect unix:@ unix:@'],
  [`bind(${SOCKET}, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0`, 'bind connect netlink:0 netlink:0'],
  [`connect(${SOCKET}, {sa_family=AF_UNSPEC, sa_data="\\21\\\\\\177\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0"}, 16) = 0`],
  [
    `sendto(${SOCKET}, "x", 1, 0, {sa_family=AF_UNSPEC, sa_data="\\21\\\\\\177\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0"}, 16) = 1`,
    'connect connect 127.0.0.1:4444 127.0.0.1:4444',
  ],
  [
    `sendmsg(${SOCKET}, {msg_name={sa_family=AF_UNSPEC, sa_data="\\0P\\300\\250\\303\\244\\0\\0"}, msg_namelen=16}, 0) = 1`,
    'connect connect 192.168.195.164:80 192.168.195.164:80',
  ],
  [`bind(${SOCKET}, {sa_family=AF_UNSPEC, sa_data="\\0P\\0\\0\\0\\0"}, 16) = 0`, 'bind connect 0.0.0.0:80 0.0.0.0:80'],
  [`sendto(${SOCKET}, "x", 1, 0, {sa_family=AF_UNSPEC, sa_data="\\0"}, 3) = -1 EINVAL (Invalid argument)`],
  [`connect(${SOCKET}, {sa_family=AF_VSOCK, svm_cid=0x2, svm_port=0x1}, 16) = 0`, 'connect connect AF_VSOCK AF_VSOCK'],
  [`connect(${SOCKET}, 0x8, 16) = -1 EFAULT (Bad address)`, 'connect connect 0x8 ?'],
]

describe('the addresses of a call', () => {
  test.each(CALLS)('%s', (call, ...addresses) => {
    const found = interpretCall(call).map((event) =>
      event.kind === 'access' ? `${event.mode} ${event.access} ${event.file} ${event.path ?? '?'}` : event.kind,
    )
    expect(found).toEqual(addresses)
  })

  test('a socket that is made is told', () => {
    expect(interpretCall('socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = -1 EPERM (x)')).toMatchObject([
      { kind: 'socket', family: 'AF_INET', type: 'SOCK_STREAM|SOCK_CLOEXEC', errno: 'EPERM', commandId: 7 },
    ])
  })
})
