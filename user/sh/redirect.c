/* Redirections. */
#include "redirect.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../lib/message.h"
#include "../lib/number.h"
#include "expand.h"

/* Makes `fd` a duplicate of the file descriptor `target`, or closes it if `target` is "-". */
static bool fd_duplicate(int fd, const char *target)
{
    long from;

    if (target[0] == '-' && target[1] == '\0') {
        close(fd);
        return true;
    }
    if (!number_parse(target, 0, REDIRECT_FDS - 1, &from)) {
        complain("%s: not a file descriptor", target);
        return false;
    }
    if (dup2(from, fd) < 0) {
        complain_errno("%s", target);
        return false;
    }
    return true;
}

static bool fd_open(int fd, const char *path, int flags)
{
    int opened = open(path, flags, 0666);

    if (opened < 0) {
        complain_errno("%s", path);
        return false;
    }
    if (opened == fd)
        return true;
    bool is_ok = dup2(opened, fd) >= 0;
    if (!is_ok)
        complain_errno("%s", path);
    close(opened);
    return is_ok;
}

static bool redirect_make(const struct redirect *redirect)
{
    static const int flags[] = {
        [REDIRECT_READ] = O_RDONLY,
        [REDIRECT_WRITE] = O_WRONLY | O_CREAT | O_TRUNC,
        [REDIRECT_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
    };
    const char *target = expand_string(redirect->target);

    if (!target)
        return false;
    if (redirect->kind == REDIRECT_DUPLICATE)
        return fd_duplicate(redirect->fd, target);
    return fd_open(redirect->fd, target, flags[redirect->kind]);
}

/* Saves a copy of `fd` before its first redirection, under a number that no redirection uses. */
static bool undo_prepare(struct redirect_undo *undo, int fd)
{
    if (undo->copy[fd] != UNDO_NOTHING)
        return true;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, REDIRECT_FDS);
    if (copy < 0 && errno != EBADF) {
        complain_errno("%d", fd);
        return false;
    }
    undo->copy[fd] = copy < 0 ? UNDO_BY_CLOSING : copy;
    return true;
}

bool redirects_make(const struct redirect *redirects, struct redirect_undo *undo)
{
    for (int fd = 0; undo && fd < REDIRECT_FDS; fd++)
        undo->copy[fd] = UNDO_NOTHING;
    for (; redirects; redirects = redirects->next) {
        if (undo && !undo_prepare(undo, redirects->fd))
            return false;
        if (!redirect_make(redirects))
            return false;
    }
    return true;
}

void redirects_undo(const struct redirect_undo *undo)
{
    for (int fd = 0; fd < REDIRECT_FDS; fd++) {
        if (undo->copy[fd] == UNDO_BY_CLOSING)
            close(fd);
        if (undo->copy[fd] < 0)
            continue;
        dup2(undo->copy[fd], fd);
        close(undo->copy[fd]);
    }
}
