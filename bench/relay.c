/* A relay of bytes: what the shortest way between two sockets costs, and so the limit that every proxy is compared with.
 *
 *     relay HOST PORT      listens on 127.0.0.1 at a free port, prints that port, relays every connection to HOST:PORT
 *
 * One thread, one epoll loop, no parsing. A direction reads only when what it read before has been written, so a slow
 * reader stops its writer, and memory is one buffer per direction. The end of one direction is passed on behind its last
 * byte while the other goes on. Ends by a signal. For measuring only: it looks up no names and sets no limits.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 128 * 1024, EVENTS = 64 };

struct pair;

/* One peer, and the direction that begins at it. */
struct side {
    int fd;
    uint32_t wanted; /* what epoll watches for; 0: it is not in epoll, which would report a hang-up again and again */
    int ended;       /* it sends nothing more, and the other side was told */
    size_t start, end; /* of what was read and could not be written yet */
    struct side *other;
    struct pair *pair;
    unsigned char buffer[BUFFER];
};

struct pair {
    struct side side[2]; /* the client's, the server's */
    int dead;
    struct pair *next; /* dead too, to be freed after this batch of events */
};

static int poller;
static struct pair *dead;

static void watch(struct side *side, uint32_t wanted) {
    struct epoll_event event = {.events = wanted, .data.ptr = side};
    if (wanted != side->wanted)
        epoll_ctl(poller, !wanted ? EPOLL_CTL_DEL : side->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, side->fd, &event);
    side->wanted = wanted;
}

static void finish(struct pair *pair) {
    if (pair->dead)
        return;
    close(pair->side[0].fd); /* which takes it out of epoll, too */
    close(pair->side[1].fd);
    pair->dead = 1;
    pair->next = dead;
    dead = pair;
}

/* Write what `from` has read; 0 when an error has ended the pair. */
static int drain(struct side *from) {
    ssize_t sent = send(from->other->fd, from->buffer + from->start, from->end - from->start, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return finish(from->pair), 0;
    from->start += sent < 0 ? 0 : (size_t)sent;
    return 1;
}

/* Read once, and write at once what was read. */
static int relay(struct side *from) {
    ssize_t count = recv(from->fd, from->buffer, BUFFER, 0);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? 1 : (finish(from->pair), 0);
    if (count == 0) {
        from->ended = 1;
        if (from->other->ended || shutdown(from->other->fd, SHUT_WR))
            return finish(from->pair), 0;
        return 1;
    }
    from->start = 0;
    from->end = (size_t)count;
    return drain(from);
}

/* A side is read when it has not ended and its buffer is empty, and watched for room when the other's is not. */
static void rewatch(struct pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct side *side = &pair->side[i], *other = side->other;
        int reads = !side->ended && side->start == side->end;
        watch(side, (reads ? EPOLLIN : 0) | (other->start != other->end ? EPOLLOUT : 0));
    }
}

static void happened(struct side *side, uint32_t events) {
    uint32_t wanted = side->wanted;
    if (side->pair->dead)
        return;
    if ((wanted & EPOLLOUT) && (events & ~EPOLLIN) && side->other->start != side->other->end && !drain(side->other))
        return;
    if ((wanted & EPOLLIN) && (events & ~EPOLLOUT) && !relay(side))
        return;
    rewatch(side->pair);
}

static void accepted(int client, const struct sockaddr_in *server) {
    int one = 1, upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pair *pair = upstream < 0 ? NULL : malloc(sizeof *pair);
    if (!pair || (connect(upstream, (const struct sockaddr *)server, sizeof *server) && errno != EINPROGRESS)) {
        free(pair);
        close(client);
        if (upstream >= 0)
            close(upstream);
        return;
    }
    pair->dead = 0;
    for (int i = 0; i < 2; i++) {
        struct side *side = &pair->side[i];
        side->fd = i ? upstream : client;
        side->wanted = 0;
        side->ended = 0;
        side->start = side->end = 0;
        side->other = &pair->side[!i];
        side->pair = pair;
        setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    watch(&pair->side[1], EPOLLOUT); /* until it is connected, nothing is read */
}

int main(int count, char **arguments) {
    struct sockaddr_in here = {.sin_family = AF_INET}, server = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (count != 3 || inet_pton(AF_INET, arguments[1], &server.sin_addr) != 1)
        return fprintf(stderr, "usage: relay HOST PORT (HOST as numbers)\n"), 2;
    server.sin_port = htons((uint16_t)atoi(arguments[2]));
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poller < 0 || bind(listener, (struct sockaddr *)&here, size) || listen(listener, 128) ||
        getsockname(listener, (struct sockaddr *)&here, &size) || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event))
        return perror("relay"), 1;
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int found = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < found; i++) {
            if (events[i].data.ptr)
                happened(events[i].data.ptr, events[i].events);
            else {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (client >= 0)
                    accepted(client, &server);
            }
        }
        while (dead) {
            struct pair *next = dead->next;
            free(dead);
            dead = next;
        }
    }
}
