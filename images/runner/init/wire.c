/*
 * The control wire between shovel and init.
 *
 * Theory of operation: both directions carry messages of `u32 length` (of what follows) and a body whose first byte
 * is the operation; numbers are little endian, strings end with NUL. The shovel is code that runs under the guest's
 * uid, so a request is parsed as hostile input: every read goes through a cursor that knows the end, and a request
 * that is short, has bytes left over, or names a descriptor twice is refused with words that say what is wrong.
 */
#include "init.h"

#include <stdlib.h>
#include <string.h>

struct cursor {
    uint8_t *at;
    size_t left;
    bool short_of_bytes;
};

uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t take(struct cursor *cursor, size_t bytes)
{
    uint64_t value = 0;
    if (cursor->left < bytes) {
        cursor->short_of_bytes = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)cursor->at[i] << (8 * i);
    cursor->at += bytes;
    cursor->left -= bytes;
    return value;
}

static char *take_string(struct cursor *cursor)
{
    char *text = (char *)cursor->at;
    uint8_t *nul = cursor->left ? memchr(cursor->at, 0, cursor->left) : NULL;
    if (!nul) {
        cursor->short_of_bytes = true;
        return NULL;
    }
    cursor->left -= (size_t)(nul - cursor->at) + 1;
    cursor->at = nul + 1;
    return text;
}

/* A counted list of strings as execve(2) wants it. A string takes at least one byte, which bounds the count. */
static char **take_strings(struct cursor *cursor, size_t *count)
{
    *count = take(cursor, 4);
    if (cursor->short_of_bytes || *count > cursor->left) {
        cursor->short_of_bytes = true;
        return NULL;
    }
    char **list = calloc(*count + 1, sizeof *list);
    for (size_t i = 0; list && i < *count; i++)
        list[i] = take_string(cursor);
    return list;
}

void spawn_free(struct spawn *spawn)
{
    free(spawn->argv);
    free(spawn->envp);
    spawn->argv = spawn->envp = NULL;
}

/* Parses what follows the operation byte of SPAWN. Returns NULL, or what is wrong with it (then nothing is held). */
const char *parse_spawn(uint8_t *body, size_t length, struct spawn *spawn)
{
    struct cursor cursor = {.at = body, .left = length};
    uint32_t seen = 0;
    size_t argc = 0, envc = 0;
    *spawn = (struct spawn){0};
    spawn->id = (uint32_t)take(&cursor, 4);
    spawn->cpu_ms = take(&cursor, 8);
    spawn->fd_count = (uint8_t)take(&cursor, 1);
    if (spawn->fd_count > MAX_CHILD_FDS)
        return "too many descriptors";
    for (size_t i = 0; i < spawn->fd_count; i++) {
        uint8_t fd = (uint8_t)take(&cursor, 1), direction = (uint8_t)take(&cursor, 1);
        if (fd > MAX_CHILD_FD || direction > 1)
            return "a descriptor or direction out of range";
        if (seen & 1u << fd)
            return "a descriptor named twice";
        seen |= 1u << fd;
        spawn->fds[i] = (struct child_fd){.fd = fd, .writes = direction == 1};
    }
    spawn->argv = take_strings(&cursor, &argc);
    if (spawn->argv)
        spawn->envp = take_strings(&cursor, &envc);
    spawn->cwd = take_string(&cursor);
    spawn->file = take_string(&cursor);
    const char *complaint = NULL;
    if (cursor.short_of_bytes)
        complaint = "too short";
    else if (!spawn->argv || !spawn->envp)
        complaint = "no memory for its arguments";
    else if (cursor.left > 0)
        complaint = "bytes after its end";
    else if (argc == 0)
        complaint = "no argument zero";
    if (complaint)
        spawn_free(spawn);
    return complaint;
}

static void put(struct report *report, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        report->bytes[report->length++] = (uint8_t)(value >> (8 * i));
}

static struct report begin(enum report_op op)
{
    struct report report = {.length = 4};
    put(&report, op, 1);
    return report;
}

static struct report finish(struct report report)
{
    uint32_t body = (uint32_t)report.length - 4;
    for (size_t i = 0; i < 4; i++)
        report.bytes[i] = (uint8_t)(body >> (8 * i));
    return report;
}

struct report report_ending(void)
{
    return finish(begin(REPORT_ENDING));
}

struct report report_forked(pid_t pid)
{
    struct report report = begin(REPORT_FORKED);
    put(&report, (uint32_t)pid, 4);
    return finish(report);
}

struct report report_started(uint32_t id, pid_t pid, pid_t broker)
{
    struct report report = begin(REPORT_STARTED);
    put(&report, id, 4);
    put(&report, (uint32_t)pid, 4);
    put(&report, (uint32_t)broker, 4);
    return finish(report);
}

struct report report_failed(uint32_t id, int error, enum stage stage)
{
    struct report report = begin(REPORT_FAILED);
    put(&report, id, 4);
    put(&report, (uint32_t)error, 4);
    put(&report, stage, 1);
    return finish(report);
}

struct report report_exited(const struct ending *ending)
{
    struct report report = begin(REPORT_EXITED);
    put(&report, ending->id, 4);
    put(&report, ending->wait_status, 4);
    put(&report, ending->cpu_us, 8);
    put(&report, ending->max_rss_bytes, 8);
    put(&report, ending->leftovers, 4);
    put(&report, ending->reason, 1);
    put(&report, ending->oom_kills, 4);
    return finish(report);
}
