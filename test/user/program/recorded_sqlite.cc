/* A database of sqlite on a disk whose writes are recorded (recorded.h):  recorded_sqlite JOURNAL

   Each transaction adds a row, changes an older one, and counts the rows. After each, a mark says
   how many there are. Debian's library is built with glibc. Pagoda only. */
#include "recorded.h"

#include <sqlite3.h>
#include <stdio.h>

#define NAME "entries.db"

enum { ROWS = 60 };

static const char *journal;

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        test_fail(__FILE__, __LINE__, "%s: %s", sql, sqlite3_errmsg(db));
}

/* With EXTRA, sqlite also syncs the directory from which it has removed a rollback journal. The
   checkpoints of a write-ahead log come often, because they are what may go wrong. */
static sqlite3 *open_database()
{
    char sql[160];
    sqlite3 *db;

    CHECK_EQ(sqlite3_open(NAME, &db), SQLITE_OK);
    snprintf(sql, sizeof(sql),
             "PRAGMA journal_mode = %s; PRAGMA synchronous = EXTRA; PRAGMA cache_size = 20;"
             "PRAGMA wal_autocheckpoint = 40;",
             journal);
    run(db, sql);
    return db;
}

static void mark_rows(struct mark *mark, int count)
{
    mark_clear(mark);
    mark_add(mark, "rows " NAME " %d\n", count);
    mark_set(mark);
}

static void add_row(sqlite3 *db, uint64_t *random, int number)
{
    char sql[400];
    int size = random_below(random, 6000), changed = 1 + random_below(random, number);
    int other = random_below(random, 6000);

    snprintf(sql, sizeof(sql),
             "BEGIN;"
             "INSERT INTO entries VALUES (%d, %d, randomblob(%d));"
             "UPDATE entries SET size = %d, note = randomblob(%d) WHERE id = %d;"
             "UPDATE total SET count = count + 1;"
             "COMMIT;",
             number, size, size, other, other, changed);
    run(db, sql);
}

static void each_commit_is_marked()
{
    static struct mark mark;
    const char *seed = getenv("TEST_SEED");
    uint64_t random = seed ? strtoul(seed, nullptr, 10) : 1;

    CHECK(mark_open(&mark, 0));
    sqlite3 *db = open_database();
    run(db, "BEGIN;"
            "CREATE TABLE entries (id INTEGER PRIMARY KEY, size INTEGER, note BLOB);"
            "CREATE INDEX by_size ON entries (size);"
            "CREATE TABLE total (count INTEGER);"
            "INSERT INTO total VALUES (0);"
            "COMMIT;");
    mark_rows(&mark, 0);
    for (int n = 1; n <= ROWS; n++) {
        add_row(db, &random, n);
        mark_rows(&mark, n);
    }
    CHECK_EQ(sqlite3_close(db), SQLITE_OK);
    mark_rows(&mark, ROWS);
    mark_close(&mark);
}

int main(int argc, char **argv)
{
    struct mark mark;

    pagoda_only();
    journal = argc > 1 ? argv[1] : "delete";
    if (!mark_open(&mark, 0))
        return TEST_SKIPPED;
    mark_close(&mark);
    CHECK_OK(chdir("/disk"));
    RUN(each_commit_is_marked);
    return test_end();
}
