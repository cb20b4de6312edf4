/* The kernel's line discipline, for a program that also includes the C library's termios.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The settings, as the kernel has them on both sides: struct termios of the system calls. */
struct settings {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
};

/* The output so far, which the caller takes. */
extern char our_output[1 << 16];
extern size_t our_output_len;

void our_set(const struct settings *settings);
void our_type(uint8_t byte);
long our_read(char *buf, size_t len); /* or -errno */
long our_write(const char *buf, size_t len);
void our_flush_input(void);
void our_flow(int action); /* TCOOFF, ... */
size_t our_input_len(void);
bool our_is_readable(void);
bool our_is_writable(void);

/* Tests of the input ring: whether a flush drops all that has come, and nothing else; whether bytes
   that the serial line lost are reported once. */
bool our_ring_flushes(void);
bool our_ring_tells_of_overruns(void);
