/* Shrinking: the search for the shortest sequence that still fails. */
#pragma once

#include "sequence.h"

/* Runs the sequence in a new process, without output. Returns true if the sequence fails. */
bool sequence_fails(const struct op *ops, unsigned count, const struct sequence_options *options);

/* Removes and simplifies operations as long as the sequence fails. Returns the number of
   operations that are left. */
unsigned sequence_shrink(struct op *ops, unsigned count, const struct sequence_options *options);

/* Prints the sequence and its failure. */
void sequence_show(const struct op *ops, unsigned count, const struct sequence_options *options);
