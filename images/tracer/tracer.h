/*
 * What the files of tracer share. See tracer.c for how they work together.
 */
#ifndef CONTAINER_SANDBOX_TRACER_H
#define CONTAINER_SANDBOX_TRACER_H

#define _GNU_SOURCE

#include <stddef.h>
#include <sys/types.h>

/* Whom strace attaches to first: the sandbox's init. */
#define TARGET 1

/* How tracer ends when not with strace's own code. */
#define EXIT_OUR_FAILURE 125
#define EXIT_NO_STRACE 127

/* util.c */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void write_all(int fd, const char *bytes, size_t length);
const char *skip_number(const char *text, long *number);

/* attachment.c */
void assert_attached(pid_t tracer);

/* words.c */
ssize_t forward_words(int fd, pid_t tracer);

/* output.c */
ssize_t forward_output(int fd);
void gather(ssize_t forwarded);

/* start.c */
struct strace {
    pid_t pid;
    int output; /* our ends of its pipes, which do not block */
    int words;
};
struct strace start_strace(char **argv, pid_t pinned_to);

#endif
