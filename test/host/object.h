/* Objects that regions can show on the host: a few sets of pages, each behind a pager.

   The first objects are files, which begin with bytes "on the disk". The others stand for shared
   anonymous memory, and begin with zeros. A page is read at its first use, and stays until
   objects_drop. */
#pragma once

#include <vm/pager.h>

#define NOBJECTS     4u
#define NFILES       2u /* the first objects are files */
#define OBJECT_PAGES 12u

/* The file whose pages are read while the faults on them wait. */
#define SLOW_FILE 1u

/* The page of each file that cannot be read. */
#define FILE_BAD_PAGE 10u

struct pager *object_pager(unsigned object);

/* Returns the number of the pager's object, or NOBJECTS for NULL. */
unsigned object_of(const struct pager *pager);

/* Returns the number of references that regions hold on an object. */
unsigned object_refs(unsigned object);

/* Returns the 8 bytes at `offset` of an object's page before the first write. */
uint64_t object_initial(unsigned object, uint64_t index, unsigned offset);

/* Shortens the object to `npages` pages, and drops the later pages from every mapping. */
void object_truncate(unsigned object, uint64_t npages);

/* Restores the object's full length. New pages are as on the disk. */
void object_extend(unsigned object);

/* Registers the objects with the audit. Called once. */
void objects_init(void);

/* Restores the initial state of all objects. No region shows an object any more. */
void objects_drop(void);
