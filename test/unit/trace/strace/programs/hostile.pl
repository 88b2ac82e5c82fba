# Uses each name, given in hex, in the folder where it runs: makes, renames, links, looks at, removes, executes, connects.
use strict;
use warnings;
use Fcntl;
use Socket;

for my $hex (@ARGV) {
  my $name = pack 'H*', $hex;
  sysopen my $file, $name, O_RDWR | O_CREAT or die "open: $!";
  syswrite $file, $name;
  unlink $name;
  truncate $file, 1;
  close $file;
  symlink $name, "./$name" or die "symlink: $!";
  readlink "./$name";
  rename $name, "$name-" or warn "rename: $!";
  unlink "$name-";
  if ((my $child = fork) == 0) {
    no warnings;
    exec { "./none/$name" } ($name, "$name $name");
    exit 1;
  } else {
    waitpid $child, 0;
  }
  if (length $name < 100) {
    socket my $socket, AF_UNIX, SOCK_STREAM, 0;
    connect $socket, pack_sockaddr_un($name);
    connect $socket, pack_sockaddr_un("\0$name");
  }
}
