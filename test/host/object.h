/* Objects that regions can show on the host: a few files in the kernel's page cache.

   The first objects are files on a device, which begin with bytes there. A fault on an absent page
   waits until it is read. The others stand for shared anonymous memory, and begin with zeros. */
#pragma once

#include <vm/pager.h>

#define NOBJECTS     4u
#define NFILES       2u /* the first objects are files */
#define OBJECT_PAGES 12u

/* The page of each file that cannot be read. */
#define FILE_BAD_PAGE 10u

struct pager *object_pager(unsigned object);

/* Returns the number of the pager's object, or NOBJECTS for NULL. */
unsigned object_of(struct pager *pager);

/* Returns the number of references that regions hold on an object. */
unsigned object_refs(unsigned object);

/* Returns the 8 bytes at `offset` of an object's page before the first write. */
uint64_t object_initial(unsigned object, uint64_t index, unsigned offset);

/* Shortens the object to `npages` pages, and drops the later pages from every mapping. */
void object_truncate(unsigned object, uint64_t npages);

/* Restores the object's full length. New pages are as on the disk. */
void object_extend(unsigned object);

/* Makes the pages [first, end) of shared memory a hole. */
void object_punch(unsigned object, uint64_t first, uint64_t end);

/* Writes the dirty pages of [first, end) back. */
void object_writeback(unsigned object, uint64_t first, uint64_t end);

/* Returns true if a page of the object is dirty. */
bool object_is_dirty(unsigned object);

/* Checks that what the page cache takes for clean is on the device: PAGE_DIRTY of kernel/fs/pages.h
   is OBJECT_DIRTY. Nothing runs meanwhile. */
#define OBJECT_DIRTY 1u
void objects_check(void);

/* Registers the objects with the audit. Called once. */
void objects_init(void);

/* Restores the initial state of all objects. No region shows an object any more. */
void objects_drop(void);
