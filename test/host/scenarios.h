/* The scenarios that explore runs. */
#pragma once

#include "concurrent.h"

unsigned scenarios_count(void);

/* Makes scenario `number`. Returns how many preemptions it is known to need; 0: as many as one
   likes. */
unsigned scenario_make(struct scenario *scenario, unsigned number);
