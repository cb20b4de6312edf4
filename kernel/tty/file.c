/* The terminal's device files: they move bytes between user memory and the line discipline, and
   handle the terminal's ioctls.

   /dev/console is the terminal itself, for everybody. /dev/tty is the controlling terminal of the
   session that opens it. When the leader of that session exits, the terminal is hung up: from then
   on reads of the open file return 0, and writes fail. */
#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <dev/screen.h>
#include <fs/devices.h>
#include <mm/heap.h>
#include <sched/thread.h>
#include <tty/file.h>
#include <tty/line.h>
#include <tty/receiver.h>
#include <tty/terminal.h>
#include <vm/usercopy.h>

/* The bytes that move at a time, through the kernel stack. */
#define CHUNK 256u

static enum line_wait wait_of(const struct file *file)
{
    return file_is_nonblocking(file) ? LINE_NO_WAIT : LINE_WAIT;
}

static ssize_t read_to(char *buf, size_t size, struct file *file, struct uio *uio, unsigned hangups)
{
    ssize_t len = line_read(buf, min(uio->left, size), wait_of(file), hangups);

    return len <= 0 ? len : uio_result(uio_put(uio, buf, len), -EFAULT);
}

/* If memory is out, the rest of a line that is longer than the chunk is left to the next read. */
static ssize_t read_input(struct file *file, struct uio *uio, unsigned hangups)
{
    char chunk[CHUNK];

    if (uio->left == 0)
        return 0;
    int err = terminal_check(SIGTTIN);
    if (err)
        return err;
    char *large = uio->left > CHUNK ? heap_alloc(LINE_READ_MAX) : NULL;
    ssize_t len = large ? read_to(large, LINE_READ_MAX, file, uio, hangups)
                        : read_to(chunk, sizeof(chunk), file, uio, hangups);
    heap_free(large);
    return len;
}

static ssize_t console_file_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return read_input(file, uio, LINE_NEVER);
}

static ssize_t write_output(struct file *file, struct uio *uio, unsigned hangups)
{
    char buf[CHUNK];
    size_t done = 0;

    while (uio->left > 0) {
        size_t wanted = min(uio->left, sizeof(buf));
        size_t len = uio_get(uio, buf, wanted);
        int err = line_stops_writers() ? terminal_check(SIGTTOU) : 0;
        if (!err)
            err = line_write(buf, len, wait_of(file), hangups);
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

static ssize_t console_file_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return write_output(file, uio, LINE_NEVER);
}

static unsigned console_file_poll(struct file *file __unused)
{
    return (line_is_writable() ? POLL_WRITABLE : 0) | (line_is_readable() ? POLL_READABLE : 0);
}

static struct poll_source *console_poll_source(struct file *file __unused)
{
    return line_poll_source();
}

static int get_termios(uaddr_t arg)
{
    struct termios termios;

    line_get_termios(&termios);
    return put_user((struct termios __user *)arg, &termios);
}

/* Sends a signal that the line discipline asks for, if any, to the foreground group. */
static void send_signal(int signo)
{
    if (signo)
        terminal_signal(signo);
}

static int set_termios(uaddr_t arg, enum line_unread unread)
{
    struct termios termios;
    int err = get_user(&termios, (struct termios __user *)arg);

    if (!err && unread == LINE_DROP)
        receiver_flush();
    if (!err)
        send_signal(line_set_termios(&termios, unread));
    return err;
}

static int get_winsize(uaddr_t arg)
{
    struct winsize size;

    line_get_winsize(&size);
    return put_user((struct winsize __user *)arg, &size);
}

static int set_winsize(uaddr_t arg)
{
    struct winsize size;
    int err = get_user(&size, (struct winsize __user *)arg);

    if (!err && line_set_winsize(&size))
        terminal_signal(SIGWINCH);
    return err;
}

static int put_int(uaddr_t arg, int value)
{
    return put_user((int __user *)arg, &value);
}

static int flush_queue(uaddr_t queue)
{
    if (queue > TCIOFLUSH)
        return -EINVAL;
    if (queue != TCOFLUSH)
        receiver_flush();
    return 0;
}

/* tcflow(3). */
static int control_flow(uaddr_t action)
{
    switch (action) {
    case TCOOFF:
        line_suspend_output();
        return 0;
    case TCOON:
        line_resume_output();
        return 0;
    case TCIOFF:
        line_send_special(VSTOP);
        return 0;
    case TCION:
        line_send_special(VSTART);
        return 0;
    default:
        return -EINVAL;
    }
}

static int type_byte(uaddr_t arg)
{
    char byte;
    int err = get_user(&byte, (char __user *)arg);

    if (!err)
        receiver_type(byte);
    return err;
}

/* Requests that only the foreground group may make. */
static int change_settings(unsigned request, uaddr_t arg)
{
    int err = terminal_check(SIGTTOU);

    if (err)
        return err;
    switch (request) {
    case TCFLSH:
        return flush_queue(arg);
    case TCXONC:
        return control_flow(arg);
    case TCSETSF:
        return set_termios(arg, LINE_DROP);
    case TCSETS:
    case TCSETSW:
        return set_termios(arg, LINE_KEEP);
    default:      /* TCSBRK */
        return 0; /* tcdrain: all output is written at once, so there is nothing to wait for */
    }
}

static int console_file_ioctl(struct file *file __unused, unsigned request, uaddr_t arg)
{
    switch (request) {
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCFLSH:
    case TCSBRK:
    case TCXONC:
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
        return put_int(arg, line_input_len());
    case TIOCOUTQ:
        return put_int(arg, 0);
    default:
        return terminal_ioctl(request, arg);
    }
}

static const struct file_ops console_file_ops = {
    .read = console_file_read,
    .write = console_file_write,
    .ioctl = console_file_ioctl,
    .poll = console_file_poll,
    .poll_source = console_poll_source,
};

/* ---- /dev/tty ---- */

/* Returns how many hangups there had been when the file was opened. */
static unsigned hangups_at_open(const struct file *file)
{
    return (unsigned)(uintptr_t)file->data;
}

static bool is_tty_hung_up(const struct file *file)
{
    return hangups_at_open(file) != line_hangups();
}

/* The count is read before terminal_is_mine, so that a hangup in between is noticed later. */
static int tty_open(struct file *file)
{
    file->data = (void *)(uintptr_t)line_hangups();
    return terminal_is_mine() ? 0 : -ENXIO;
}

static ssize_t tty_file_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return is_tty_hung_up(file) ? 0 : read_input(file, uio, hangups_at_open(file));
}

static ssize_t tty_file_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    return is_tty_hung_up(file) ? -EIO : write_output(file, uio, hangups_at_open(file));
}

static unsigned tty_file_poll(struct file *file)
{
    return is_tty_hung_up(file) ? POLL_READABLE | POLL_WRITABLE | POLLERR | POLLHUP
                                : console_file_poll(file);
}

static int tty_file_ioctl(struct file *file, unsigned request, uaddr_t arg)
{
    if (!is_tty_hung_up(file))
        return console_file_ioctl(file, request, arg);
    return request == TIOCSPGRP ? -ENOTTY : -EIO;
}

static const struct file_ops tty_file_ops = {
    .open = tty_open,
    .read = tty_file_read,
    .write = tty_file_write,
    .ioctl = tty_file_ioctl,
    .poll = tty_file_poll,
    .poll_source = console_poll_source,
};

static const struct device tty_devices[] = {
    {"tty", MKDEV(5, 0), S_IFCHR | 0666, &tty_file_ops, NULL, NULL},
    {"console", MKDEV(5, 1), S_IFCHR | 0600, &console_file_ops, NULL, NULL},
};

/* Gives the terminal the size of the screen, if there is one. A terminal on the serial line can
   only tell its size itself, when a program asks (user/lib/size.h). */
static void take_screen_size(void)
{
    unsigned rows, columns;

    if (!screen_size(&rows, &columns))
        return;
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (line_set_winsize(&size))
        return; /* there is no process yet that could get SIGWINCH */
}

void tty_file_init(void)
{
    take_screen_size();
    for (size_t i = 0; i < ARRAY_SIZE(tty_devices); i++)
        device_register(&tty_devices[i]);
}
