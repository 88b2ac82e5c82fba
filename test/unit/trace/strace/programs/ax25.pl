# Connects to AX.25 addresses whose call signs strace prints in a comment as they are.
use strict;
use warnings;
use Socket;

socket my $socket, AF_INET, SOCK_STREAM, 0;
for my $sign (@ARGV) {
  my $shifted = join '', map { chr((ord) << 1) } split //, $sign;
  connect $socket, pack('S', 3) . $shifted . "\0\0" . pack('l', 1) . "$shifted\0" . ("\0" x 40);
}
