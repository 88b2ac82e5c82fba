/*
 * The FIFOs that carry a command's standard streams.
 *
 * Theory of operation: a command gets named pipes and not sockets, so that `echo x >/dev/stderr` can open them again.
 * For each requested descriptor init makes `<run dir>/<id>.<fd>` and opens two descriptors on it: the command's own
 * end, and a *keeper* for reading and writing. The keeper makes every later open return at once, and holds what a
 * command wrote and ended with before the shovel opened its side. When the shovel said OPENED the keepers are closed
 * and the names removed; from then on an end of file means what it says.
 *
 * The run directory belongs to the guest's uid. A name in it may be taken, replaced or removed at any moment by the
 * guest, so nothing here follows a link, blocks in open(2) or trusts that two opens gave the same FIFO.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int directory = -1;

void fifo_directory(const char *path)
{
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        die("cannot open the run directory %s: %s", path, strerror(errno));
}

static void name_of(uint32_t id, struct child_fd fd, char name[32])
{
    snprintf(name, 32, "%u.%u", (unsigned)id, (unsigned)fd.fd);
}

void fifo_remove(uint32_t id, struct child_fd fd)
{
    char name[32];
    name_of(id, fd, name);
    unlinkat(directory, name, 0);
}

static int open_fifo(const char *name, int mode, struct stat *found)
{
    int fd = openat(directory, name, mode | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, found) != 0 || !S_ISFIFO(found->st_mode))) {
        close(fd);
        errno = EBADF;
        return -1;
    }
    return fd;
}

/* Makes one FIFO and opens keeper and end. Returns 0 or an errno, then with nothing left open and no name left. */
int fifo_create(uint32_t id, struct child_fd fd, int *keeper, int *end)
{
    char name[32];
    struct stat first, second;
    int error;
    *keeper = *end = -1;
    name_of(id, fd, name);
    if (mkfifoat(directory, name, 0600) != 0) {
        /* Command ids are not used twice: a taken name was planted by a guest. */
        if (errno != EEXIST || unlinkat(directory, name, 0) != 0 || mkfifoat(directory, name, 0600) != 0)
            return errno;
    }
    *keeper = open_fifo(name, O_RDWR, &first);
    if (*keeper >= 0)
        *end = open_fifo(name, fd.writes ? O_WRONLY : O_RDONLY, &second);
    if (*end < 0)
        error = errno;
    else if (first.st_dev != second.st_dev || first.st_ino != second.st_ino)
        error = EBADF;
    else if (fcntl(*end, F_SETFL, 0) != 0) /* a command expects a stream that blocks */
        error = errno;
    else
        return 0;
    if (*keeper >= 0)
        close(*keeper);
    if (*end >= 0)
        close(*end);
    unlinkat(directory, name, 0);
    return error;
}
