/* What regions show, on the host: a few objects with pages, each behind a pager.

   Objects that are files begin with bytes "on the disk"; the others, which stand for shared anonymous memory, with zeros.
   A page comes in when it is first asked for, and stays until objects_drop. */
#pragma once

#include <vm/pager.h>

#define NOBJECTS     4u
#define NFILES       2u /* the first of them are files */
#define OBJECT_PAGES 12u

/* Of a file this page cannot be read. */
#define FILE_BAD_PAGE 10u

struct pager *object_pager(unsigned object);

/* Which object it is; NOBJECTS for NULL. */
unsigned object_of(const struct pager *pager);

/* References that regions have on an object. */
unsigned object_refs(unsigned object);

/* The 8 bytes at `offset` of a page of an object before anybody wrote to it. */
uint64_t object_initial(unsigned object, uint64_t index, unsigned offset);

/* Makes the object end before page `npages`, and takes what was behind that out of every mapping. */
void object_truncate(unsigned object, uint64_t npages);

/* Makes it as long as it was, with pages as on the disk. */
void object_extend(unsigned object);

/* Registers with the audit. Once. */
void objects_init(void);

/* Makes all objects as they were in the beginning; no region shows one any more. */
void objects_drop(void);
