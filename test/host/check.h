/* What must be true between two operations. */
#pragma once

#include "model.h"

/* Every page of every process is what the model says, or is absent and would become it: contents and rights of what the
   tables show, the regions, the break, the weight against the limits. What a CPU remembers, the tables say too. No lock is
   held. The first difference is a finding. */
void check_model(const struct model *model);

/* The kernel's own audit: references, and W means mine alone. */
void check_audit(void);

/* Remembers what is in use now, with no process there; and checks that it is the same again. */
void check_baseline(void);
void check_nothing_lost(void);
