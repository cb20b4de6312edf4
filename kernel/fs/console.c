/* The console as a file: bytes between user memory and the terminal (dev/tty.h), and its ioctls.

   /dev/console is the terminal, whoever has it. /dev/tty is that of the session that opens it, until the session's leader
   ends: then it is hung up, and the open file is good for nothing any more. */
#include <linux/errno.h>
#include <linux/poll.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <dev/tty.h>
#include <fs/devices.h>
#include <sched/thread.h>
#include <vm/usercopy.h>

/* Bytes that are moved at a time, through the kernel stack. */
#define CHUNK 256u

/* A line longer than the chunk goes on with the next read, as after a short buffer. */
static ssize_t read_input(struct file *file, struct uio *uio, unsigned hangups)
{
    char buf[CHUNK];

    if (uio->left == 0)
        return 0;
    int err = tty_check(SIGTTIN);
    if (err)
        return err;
    ssize_t len = tty_read(buf, min(uio->left, sizeof(buf)), file_is_nonblocking(file), hangups);
    if (len <= 0)
        return len;
    return uio_result(uio_put(uio, buf, len), -EFAULT);
}

static ssize_t console_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return read_input(file, uio, TTY_NEVER);
}

static ssize_t console_write(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    char buf[CHUNK];
    size_t done = 0;

    while (uio->left > 0) {
        size_t wanted = min(uio->left, sizeof(buf));
        size_t len = uio_get(uio, buf, wanted);
        int err = tty_write(buf, len);
        if (err)
            return uio_result(done, err);
        done += len;
        if (len < wanted)
            return uio_result(done, -EFAULT);
        if (thread_is_interrupted())
            break;
    }
    return done;
}

static unsigned console_poll(struct file *file __unused)
{
    return POLLOUT | (tty_is_readable() ? POLLIN : 0);
}

static int get_termios(uaddr_t arg)
{
    struct termios termios;

    tty_get_termios(&termios);
    return put_user((struct termios __user *)arg, &termios);
}

static int set_termios(uaddr_t arg, bool flush)
{
    struct termios termios;
    int err = get_user(&termios, (struct termios __user *)arg);

    if (!err)
        tty_set_termios(&termios, flush);
    return err;
}

static int get_winsize(uaddr_t arg)
{
    struct winsize size;

    tty_get_winsize(&size);
    return put_user((struct winsize __user *)arg, &size);
}

static int set_winsize(uaddr_t arg)
{
    struct winsize size;
    int err = get_user(&size, (struct winsize __user *)arg);

    if (!err)
        tty_set_winsize(&size);
    return err;
}

static int put_int(uaddr_t arg, int value)
{
    return put_user((int __user *)arg, &value);
}

static int flush(uaddr_t queue)
{
    if (queue > TCIOFLUSH)
        return -EINVAL;
    if (queue != TCOFLUSH)
        tty_flush_input();
    return 0;
}

static int type_byte(uaddr_t arg)
{
    char byte;
    int err = get_user(&byte, (char __user *)arg);

    if (!err)
        tty_type(byte);
    return err;
}

/* Requests that change what the job in the foreground works with. */
static int change_settings(unsigned request, uaddr_t arg)
{
    int err = tty_check(SIGTTOU);

    if (err)
        return err;
    switch (request) {
    case TCFLSH:
        return flush(arg);
    case TCSETSF:
        return set_termios(arg, true);
    case TCSETS:
    case TCSETSW:
        return set_termios(arg, false);
    default:      /* TCSBRK */
        return 0; /* what was written has gone out already: tcdrain */
    }
}

static int console_ioctl(struct file *file __unused, unsigned request, uaddr_t arg)
{
    switch (request) {
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCFLSH:
    case TCSBRK:
        return change_settings(request, arg);
    case TCGETS:
        return get_termios(arg);
    case TIOCGWINSZ:
        return get_winsize(arg);
    case TIOCSWINSZ:
        return set_winsize(arg);
    case TIOCSTI:
        return type_byte(arg);
    case FIONREAD:
        return put_int(arg, tty_input_len());
    case TIOCOUTQ:
        return put_int(arg, 0);
    default:
        return tty_jobs_ioctl(request, arg);
    }
}

const struct file_ops console_file_ops = {
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
    .poll = console_poll,
};

/* ---- /dev/tty ---- */

/* How many hangups there were when it was opened. */
static unsigned hangups_at_open(const struct file *file)
{
    return (unsigned)(uintptr_t)file->data;
}

static bool is_hung_up(const struct file *file)
{
    return hangups_at_open(file) != tty_hangups();
}

/* The count is taken before the look: a hangup in between is seen later. */
static int tty_open(struct file *file)
{
    file->data = (void *)(uintptr_t)tty_hangups();
    return tty_is_mine() ? 0 : -ENXIO;
}

static ssize_t tty_file_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return is_hung_up(file) ? 0 : read_input(file, uio, hangups_at_open(file));
}

static ssize_t tty_file_write(struct file *file, struct uio *uio, uint64_t offset)
{
    return is_hung_up(file) ? -EIO : console_write(file, uio, offset);
}

static unsigned tty_file_poll(struct file *file)
{
    return is_hung_up(file) ? POLLIN | POLLOUT | POLLERR | POLLHUP : console_poll(file);
}

static int tty_file_ioctl(struct file *file, unsigned request, uaddr_t arg)
{
    if (!is_hung_up(file))
        return console_ioctl(file, request, arg);
    return request == TIOCSPGRP ? -ENOTTY : -EIO;
}

const struct file_ops tty_file_ops = {
    .open = tty_open,
    .read = tty_file_read,
    .write = tty_file_write,
    .ioctl = tty_file_ioctl,
    .poll = tty_file_poll,
};
