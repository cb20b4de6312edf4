/* The scenarios that explore runs. */
#pragma once

#include "concurrent.h"

unsigned scenarios_count(void);

/* Makes scenario `number`. Returns the number of preemptions that the scenario needs, or 0 if
   none is known. */
unsigned scenario_make(struct scenario *scenario, unsigned number);
