/* Checks between two operations. */
#pragma once

#include "model.h"

/* Checks every page of every process against the model: contents and rights, or an absent page
   that a fault would fill so. Regions, breaks and account match the model. The tables agree with
   every cached translation. No lock is held. The first difference is a finding. */
void check_model(const struct model *model);

/* Runs the kernel's own audit, which recounts references and checks rule 2 of docs/design.md. */
void check_audit(void);

/* Record the frames and heap bytes in use while there is no process, and check later that they
   are the same. */
void check_baseline(void);
void check_nothing_lost(void);
