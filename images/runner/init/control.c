/*
 * The control socket: requests of the shovel in, reports out.
 *
 * Theory of operation: PID 1 must never wait for the shovel, which a guest can stop. Requests are gathered as they
 * come, a few bytes or many at a time, and handled when complete. Reports are queued and written when there is room; a
 * shovel that starts command after command and reads nothing ends the sandbox. When the shovel closes its end it has
 * GOODBYE_MS to be reaped, so that init can end with its code.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GOODBYE_MS 2000
/* More than MAX_COMMANDS can cause without new requests. */
#define MAX_UNREAD_BYTES (128u << 10)

static int control = -1;
static uint64_t goodbye_end_ms;
static uint8_t unread[MAX_UNREAD_BYTES];
static size_t unread_bytes;

void control_open(int fd)
{
    control = fd;
}

static void control_lost(void)
{
    if (control < 0)
        return;
    close(control);
    control = -1;
    goodbye_end_ms = now_ms() + GOODBYE_MS;
}

static void flush_reports(void)
{
    if (control < 0 || unread_bytes == 0)
        return;
    ssize_t sent = send(control, unread, unread_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        unread_bytes -= (size_t)sent;
        memmove(unread, unread + sent, unread_bytes);
    } else if (errno != EAGAIN && errno != EINTR) {
        control_lost();
    }
}

void send_report(const struct report *report)
{
    if (control < 0)
        return;
    if (unread_bytes + report->length > sizeof unread)
        die("the shovel does not read its reports");
    memcpy(unread + unread_bytes, report->bytes, report->length);
    unread_bytes += report->length;
    flush_reports();
}

static void handle_request(uint8_t *body, size_t length)
{
    struct spawn spawn;
    const char *complaint;
    switch (body[0]) {
    case REQUEST_SPAWN:
        complaint = parse_spawn(body + 1, length - 1, &spawn);
        if (complaint)
            die("bad request: SPAWN: %s", complaint);
        commands_spawn(&spawn);
        spawn_free(&spawn);
        return;
    case REQUEST_OPENED:
        if (length != 5)
            die("bad request: OPENED of %zu bytes", length);
        commands_opened(get_u32(body + 1));
        return;
    case REQUEST_SIGNAL:
        if (length != 7 || body[5] >= NSIG || body[6] > SCOPE_TREE)
            die("bad request: SIGNAL of %zu bytes", length);
        commands_signal(get_u32(body + 1), body[5], body[6]);
        return;
    default:
        die("bad request: operation %u", (unsigned)body[0]);
    }
}

/* Reads what is there of the next request, and handles it when it is complete. */
static void read_request(void)
{
    static uint8_t header[4], *body;
    static size_t have, length; /* bytes of header and body so far; bytes of the body */
    uint8_t *into = have < 4 ? header + have : body + (have - 4);
    size_t want = have < 4 ? 4 - have : length - (have - 4);
    ssize_t got = recv(control, into, want, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        control_lost();
        return;
    }
    have += (size_t)got;
    if (have == 4) {
        length = get_u32(header);
        if (length == 0 || length > MAX_REQUEST_BYTES)
            die("bad request: %zu bytes", length);
        body = malloc(length);
        if (!body)
            die("no memory for a request of %zu bytes", length);
    }
    if (have < 4 || have < 4 + length)
        return;
    handle_request(body, length);
    explicit_bzero(body, length); /* the environment may hold secrets, and later forks would carry them on */
    free(body);
    body = NULL;
    have = 0;
}

/* What to wait for. A negative descriptor is ignored by poll(2). */
struct pollfd control_poll_fd(void)
{
    return (struct pollfd){.fd = control, .events = (short)(POLLIN | (unread_bytes > 0 ? POLLOUT : 0))};
}

/* Does what poll(2) has found for control_poll_fd(). */
void control_handle(short events)
{
    if (events & POLLOUT)
        flush_reports();
    if (control >= 0 && events & ~POLLOUT)
        read_request();
}

/* The moment at which a shovel that closed its end must be gone; UINT64_MAX while it did not. */
uint64_t control_deadline_ms(void)
{
    return control < 0 ? goodbye_end_ms : UINT64_MAX;
}
