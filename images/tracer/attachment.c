/*
 * Whether the sandbox is traced, as the kernel tells it.
 */
#include "tracer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tracer of one thread; -1 when it is gone. */
static long tracer_of(const char *task)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", TARGET, task);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *line = strstr(text, "\nTracerPid:");
    return line ? strtol(line + strlen("\nTracerPid:"), NULL, 10) : -1;
}

/* Ends everything unless `wanted` traces every thread of PID 1. */
void assert_attached(pid_t wanted)
{
    char path[32];
    size_t threads = 0;
    snprintf(path, sizeof path, "/proc/%d/task", TARGET);
    DIR *folder = opendir(path);
    if (!folder)
        die("cannot read %s: %s", path, strerror(errno));
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        long tracer = tracer_of(entry->d_name);
        if (tracer != wanted)
            die("thread %.20s of PID %d has the tracer %ld instead of %d", entry->d_name, TARGET, tracer, (int)wanted);
        threads++;
    }
    closedir(folder);
    if (threads == 0)
        die("PID %d has no threads", TARGET);
}
