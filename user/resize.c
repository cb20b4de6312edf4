/* resize [ROWS COLUMNS]: sets the size of the terminal, which programs ask the kernel for, to that
   of the window. Without arguments, it asks the terminal. Programs in the foreground get SIGWINCH.
   A shell asks once when it starts. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/message.h"
#include "lib/number.h"
#include "lib/size.h"

enum { ANSWER_MS = 2000, SIZE_MAX_OF_TERMINAL = 9999 };

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads a byte. Returns false at the end of the input, and at `end_ms`. */
static bool byte_read(char *byte, long end_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    long left = end_ms - now_ms();

    return left > 0 && poll(&input, 1, left) > 0 && read(STDIN_FILENO, byte, 1) == 1;
}

/* Reads up to the terminal's answer, and takes the size from it. Returns false without an answer.
   What was typed before is lost. */
static bool answer_read(struct winsize *size)
{
    const long end_ms = now_ms() + ANSWER_MS;
    char answer[32], last;
    size_t len = 0;

    while (byte_read(&last, end_ms)) {
        if (last == '\033' || len == sizeof(answer) - 1)
            len = 0;
        answer[len++] = last;
        answer[len] = '\0';
        if (sscanf(answer, "\033[%hu;%hu%c", &size->ws_row, &size->ws_col, &last) == 3 &&
            last == 'R')
            return true;
    }
    return false;
}

/* Asks the terminal for its size. Returns false after a message. */
static bool size_ask(struct winsize *size)
{
    static const char question[] = TERMINAL_SIZE_QUESTION;
    struct termios modes, raw;

    if (tcgetattr(STDIN_FILENO, &modes) < 0) {
        complain_errno("standard input");
        return false;
    }
    raw = modes;
    raw.c_lflag &= ~(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    bool is_asked = tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0 &&
                    write_all(STDERR_FILENO, question, strlen(question));
    bool has_answer = is_asked && answer_read(size) && size->ws_row > 0 && size->ws_col > 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    if (!has_answer)
        complain("the terminal does not say; resize ROWS COLUMNS sets its size");
    return has_answer;
}

static unsigned short size_parse(const char *text)
{
    long number;

    if (number_parse(text, 1, SIZE_MAX_OF_TERMINAL, &number))
        return number;
    usage("[ROWS COLUMNS]");
}

int main(int argc, char **argv)
{
    struct winsize size = {0};

    if (argc != 1 && argc != 3)
        usage("[ROWS COLUMNS]");
    if (argc == 3) {
        size.ws_row = size_parse(argv[1]);
        size.ws_col = size_parse(argv[2]);
    } else if (!size_ask(&size)) {
        return 1;
    }
    if (ioctl(STDIN_FILENO, TIOCSWINSZ, &size) < 0) {
        complain_errno("standard input");
        return 1;
    }
    printf("%d rows, %d columns\n", size.ws_row, size.ws_col);
    return finish(0);
}
