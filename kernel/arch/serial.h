/* The serial line without a lock, for console.c. */
#pragma once

#include <lib/base.h>

void serial_send(const char *text, size_t len);

/* Waits until the last byte is sent. */
void serial_drain(void);
