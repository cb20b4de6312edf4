/* Shrinking: the shortest sequence that still fails. */
#pragma once

#include "sequence.h"

/* Whether the sequence fails; tried in a process of its own, without a word. */
bool sequence_fails(const struct op *ops, unsigned count, const struct sequence_options *options);

/* Removes operations, and simplifies those that stay, as long as the sequence fails. Returns how many are left. */
unsigned sequence_shrink(struct op *ops, unsigned count, const struct sequence_options *options);

/* Prints the sequence, and what it fails with. */
void sequence_show(const struct op *ops, unsigned count, const struct sequence_options *options);
