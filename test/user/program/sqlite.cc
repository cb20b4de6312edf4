/* sqlite, built with glibc from Debian's library: processes that write and read one database at the
   same time, in each of the two ways in which sqlite keeps a database whole.

   With a write-ahead log, a database is three files: itself, of which sqlite maps the first part
   (mmap_size), the log, and an index of the log, which all processes map shared and grow. Locks of
   ranges of bytes (fcntl) keep the processes apart. With a rollback journal, old pages are saved
   first, and a crash is repaired by the next process that opens the database. */
#include "test.h"

#include <atomic>
#include <sqlite3.h>
#include <stdio.h>

#define NAME "bank.db"

enum { ACCOUNTS = 50, BALANCE = 1000, WRITERS = 3, READERS = 2, TRANSFERS = 40, READS = 30 };

#define CHECK_SQL(db, call)                                                     \
    do {                                                                        \
        int result_ = (call);                                                   \
        if (result_ != SQLITE_OK)                                               \
            test_fail(__FILE__, __LINE__, "%s: %s", #call, sqlite3_errmsg(db)); \
    } while (0)

/* What the processes share. */
struct shared {
    std::atomic<long> committed; /* rows of the log of transfers */
    std::atomic<bool> is_over;   /* the writers are done */
};

struct job {
    shared *all;
    int number;
};

static shared *share()
{
    return static_cast<shared *>(
        CHECK_OK(mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)));
}

static void run(sqlite3 *db, const char *sql)
{
    CHECK_SQL(db, sqlite3_exec(db, sql, nullptr, nullptr, nullptr));
}

/* Opens the database, and waits for other processes as long as they take. */
static sqlite3 *open_database()
{
    sqlite3 *db;

    CHECK_EQ(sqlite3_open(NAME, &db), SQLITE_OK);
    CHECK_SQL(db, sqlite3_busy_timeout(db, 600 * 1000));
    run(db, "PRAGMA mmap_size = 16777216; PRAGMA cache_size = 20; PRAGMA synchronous = FULL;");
    return db;
}

static void close_database(sqlite3 *db)
{
    CHECK_EQ(sqlite3_close(db), SQLITE_OK);
}

static int keep_text(void *text, int, char **values, char **)
{
    snprintf(static_cast<char *>(text), 64, "%s", values[0] ? values[0] : "");
    return 0;
}

/* Compares the first value of the result with `expected`. */
static void expect_text(sqlite3 *db, const char *sql, const char *expected)
{
    char text[64] = "";

    CHECK_SQL(db, sqlite3_exec(db, sql, keep_text, text, nullptr));
    if (strcmp(text, expected) != 0)
        test_fail(__FILE__, __LINE__, "%s: %s, not %s", sql, text, expected);
}

static void expect_number(sqlite3 *db, const char *sql, long expected)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", expected);
    expect_text(db, sql, text);
}

static void expect_whole(sqlite3 *db)
{
    expect_text(db, "PRAGMA integrity_check", "ok");
    expect_number(db, "SELECT sum(balance) FROM accounts", ACCOUNTS * BALANCE);
    expect_number(db, "SELECT count(*) FROM accounts", ACCOUNTS);
}

/* Rows that are longer than a page of the database, so that it grows beyond one table of pages. */
static void create_database(const char *journal)
{
    char sql[64];
    sqlite3 *db = open_database();

    snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", journal);
    expect_text(db, sql, journal);
    run(db, "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER);"
            "CREATE TABLE transfers (id INTEGER PRIMARY KEY, who INTEGER, note BLOB);"
            "CREATE INDEX by_who ON transfers (who);");
    snprintf(sql, sizeof(sql), "INSERT INTO accounts VALUES (NULL, %d)", BALANCE);
    run(db, "BEGIN");
    for (int n = 0; n < ACCOUNTS; n++)
        run(db, sql);
    run(db, "COMMIT");
    close_database(db);
}

/* Moves money, and notes it, in one transaction. */
static void transfer(sqlite3 *db, int who, uint64_t *random)
{
    char sql[400];
    int from = random_below(random, ACCOUNTS) + 1, to = random_below(random, ACCOUNTS) + 1;
    int amount = random_below(random, 10);

    snprintf(sql, sizeof(sql),
             "BEGIN IMMEDIATE;"
             "UPDATE accounts SET balance = balance - %d WHERE id = %d;"
             "UPDATE accounts SET balance = balance + %d WHERE id = %d;"
             "INSERT INTO transfers VALUES (NULL, %d, zeroblob(%d));"
             "COMMIT;",
             amount, from, amount, to, who, 5000 + amount);
    run(db, sql);
}

static void write_rows(void *arg)
{
    const job *mine = static_cast<const job *>(arg);
    uint64_t random = mine->number + 1;
    sqlite3 *db = open_database();

    for (int n = 0; n < TRANSFERS; n++) {
        transfer(db, mine->number, &random);
        mine->all->committed++;
    }
    close_database(db);
}

/* All that one transaction reads is of one moment. A row that was committed before is there. */
static void read_rows(void *arg)
{
    const job *mine = static_cast<const job *>(arg);
    sqlite3 *db = open_database();
    char sql[100];

    for (int n = 0; n < READS; n++) {
        long before = mine->all->committed;
        run(db, "BEGIN");
        snprintf(sql, sizeof(sql), "SELECT count(*) >= %ld FROM transfers", before);
        expect_text(db, sql, "1");
        expect_number(db, "SELECT sum(balance) FROM accounts", ACCOUNTS * BALANCE);
        expect_number(db,
                      "SELECT (SELECT count(*) FROM transfers) - "
                      "(SELECT count(*) FROM transfers INDEXED BY by_who WHERE who >= 0)",
                      0);
        run(db, "COMMIT");
    }
    close_database(db);
}

/* Moves the log into the database again and again, while others write it. */
static void make_checkpoints(void *arg)
{
    const job *mine = static_cast<const job *>(arg);
    sqlite3 *db = open_database();

    while (!mine->all->is_over) {
        int result =
            sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        CHECK(result == SQLITE_OK || result == SQLITE_BUSY);
        result =
            sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
        CHECK(result == SQLITE_OK || result == SQLITE_BUSY);
    }
    close_database(db);
}

static void remove_database()
{
    CHECK_OK(unlink(NAME));
    CHECK_ERR(ENOENT, access(NAME "-wal", F_OK));
    CHECK_ERR(ENOENT, access(NAME "-shm", F_OK));
    CHECK_ERR(ENOENT, access(NAME "-journal", F_OK));
}

static void write_and_read(const char *journal, void (*beside)(void *))
{
    shared *all = share();
    job jobs[WRITERS + READERS + 1];
    pid_t children[WRITERS + READERS];

    create_database(journal);
    for (int n = 0; n < WRITERS + READERS + 1; n++)
        jobs[n] = {all, n};
    for (int n = 0; n < WRITERS + READERS; n++)
        children[n] = start_child(n < WRITERS ? write_rows : read_rows, &jobs[n]);
    pid_t other = start_child(beside, &jobs[WRITERS + READERS]);
    for (pid_t child : children)
        CHECK(exited_with(wait_child(child), 0));
    all->is_over = true;
    CHECK(exited_with(wait_child(other), 0));
    sqlite3 *db = open_database();
    expect_whole(db);
    expect_number(db, "SELECT count(*) FROM transfers", WRITERS * TRANSFERS);
    close_database(db);
    CHECK_OK(munmap(all, PAGE));
    remove_database();
}

static void processes_share_a_database_with_a_write_ahead_log()
{
    write_and_read("wal", make_checkpoints);
}

static void processes_share_a_database_with_a_rollback_journal()
{
    write_and_read("delete", do_nothing);
}

/* Writes until it is killed. */
static void write_for_ever(void *arg)
{
    const job *mine = static_cast<const job *>(arg);
    uint64_t random = mine->number + 1;
    sqlite3 *db = open_database();

    for (;;) {
        transfer(db, mine->number, &random);
        mine->all->committed++;
    }
}

/* Kills a writer at some moment of a transaction. Then all that it had committed is there, and at
   most the last transaction, of which it could not tell any more, is more. */
static void kill_writers(const char *journal)
{
    shared *all = share();
    job mine = {all, 0};

    create_database(journal);
    for (int n = 0; n < 5; n++, mine.number++) {
        long before = all->committed;
        pid_t child = start_child(write_for_ever, &mine);

        while (all->committed < before + 3)
            CHECK_OK(usleep(100)); /* only to let others run; a writer writes on */
        CHECK_OK(kill(child, SIGKILL));
        CHECK(killed_by(wait_child(child), SIGKILL));
        sqlite3 *db = open_database();
        expect_whole(db);
        char text[64] = "";
        CHECK_SQL(db, sqlite3_exec(db, "SELECT count(*) FROM transfers", keep_text, text, nullptr));
        long count = strtol(text, nullptr, 10);
        CHECK(count == all->committed || count == all->committed + 1);
        all->committed = count;
        /* A journal that was not complete is left, and not played back. A write removes it. */
        uint64_t random = n;
        transfer(db, 0, &random);
        all->committed++;
        close_database(db);
    }
    CHECK_OK(munmap(all, PAGE));
    remove_database();
}

static void a_killed_writer_leaves_a_whole_log()
{
    kill_writers("wal");
}

static void a_killed_writer_leaves_a_journal_to_roll_back()
{
    kill_writers("delete");
}

int main()
{
    temp_dir_enter();
    RUN(processes_share_a_database_with_a_write_ahead_log);
    RUN(processes_share_a_database_with_a_rollback_journal);
    RUN(a_killed_writer_leaves_a_whole_log);
    RUN(a_killed_writer_leaves_a_journal_to_roll_back);
    temp_dir_leave();
    return test_end();
}
