/* test_journal.c - what a run leaves behind is read back, and what no longer holds is done again */
#include "src/convert/journal.h"

#include "src/convert/output/head.h"
#include "src/convert/plan_make.h"
#include "src/convert/plan_parts.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CONFIG "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\"}"

enum { DOWN, UP, NORM, JOBS }; /* sorted by name */

/* A model of three tensors, its plan, and a run whose output lies beside them. */
struct run {
    struct scratch s;
    struct q8_select select;
    struct q8_plan plan;
    struct q8_convert c;
    char output[80], journal[120];
};

/* Opens OUTPUT.partial and its one shard; nothing is done yet. */
static void begin(struct run *r)
{
    struct q8_convert *c = &r->c;
    const char *path;

    *c = (struct q8_convert){
        .plan = &r->plan, .options.threads = 1, .mem = &r->s.mem, .journal = -1};
    assert_true(q8_publish_open(&c->publish,
                                &(struct q8_publish_wish){r->output, true, false, NULL, NULL},
                                c->mem, &r->s.err));
    c->result = q8_alloc(c->mem, r->plan.jobs, sizeof *c->result, &r->s.err);
    c->shard = q8_alloc(c->mem, 1, sizeof *c->shard, &r->s.err);
    path = q8_sprintf(c->mem, &r->s.err, "%s/model.safetensors", c->publish.partial);
    assert_true(
        q8_dir_create(c->shard, &c->publish.dir, path, r->plan.shard[0].bytes, true, &r->s.err));
    (void)snprintf(r->journal, sizeof r->journal, "%s/q8-journal", c->publish.partial);
}

static void end(struct run *r, bool keep)
{
    q8_journal_close(&r->c);
    q8_file_close(r->c.shard);
    q8_publish_close(&r->c.publish, keep);
}

/* Kills the run and starts the next one, which has the same partial directory. */
static bool start_again(struct run *r)
{
    end(r, true);
    begin(r);
    assert_true(r->c.publish.resumed);
    return q8_journal_open(&r->c, &r->s.err);
}

/* Writes what a job writes, bytes of that value, and its line. */
static void finish(struct run *r, uint64_t number, unsigned char value)
{
    const struct q8_job *job = &r->plan.job[number];
    struct q8_result *result = &r->c.result[number];
    unsigned char bytes[256];

    memset(bytes, value, sizeof bytes);
    *result = (struct q8_result){true,
                                 {0x1.23456789abcdep-30, 1.0 / 3, value, value + 1u},
                                 value % 2 == 1,
                                 {{value}},
                                 {{{0}}}};
    for (unsigned p = 0; p < q8_job_parts(job); p++) {
        char name[Q8_NAME_BYTES];
        struct q8_tensor t;

        assert_non_null(q8_job_part(job, p, &t, name, sizeof name, &r->s.err));
        assert_true(t.nbytes <= sizeof bytes);
        assert_true(q8_file_write(r->c.shard, job->offset[p], bytes, t.nbytes, &r->s.err));
        result->part[p] = q8_xxh_once(bytes, t.nbytes);
    }
    assert_true(q8_journal_add(&r->c, number, &r->s.err));
}

static int setup(void **state)
{
    static const float floats[32] = {1, 2, 3};
    static const struct scratch_tensor tensors[] = {
        {"model.layers.0.mlp.down_proj.weight", "F32", "[4, 8]", floats, 128},
        {"model.layers.0.mlp.up_proj.weight", "F32", "[8, 4]", floats, 128},
        {"model.norm.weight", "F32", "[4]", floats, 16}};
    static struct run r;
    const struct q8_plan_options options = {.target = q8_target_find("ct-w8a16"),
                                            .select = &r.select};

    r = (struct run){.c.journal = -1};
    scratch_make(&r.s, CONFIG, tensors, JOBS);
    if (!scratch_open(&r.s) || !q8_plan_make(&r.plan, &r.s.model, &options, &r.s.mem, &r.s.err))
        return -1;
    (void)snprintf(r.output, sizeof r.output, "%s-int8", r.s.dir);
    begin(&r);
    *state = &r;
    return q8_journal_open(&r.c, &r.s.err) ? 0 : -1;
}

static int teardown(void **state)
{
    struct run *r = *state;

    end(r, false);
    scratch_close(&r->s);
    return 0;
}

/* Changes byte `at` (from the end where negative) of the journal. */
static void spoil_journal(const struct run *r, long at)
{
    FILE *file = fopen(r->journal, "r+");
    int c;

    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    c = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(c == '1' ? '2' : '1', file), c == '1' ? '2' : '1');
    assert_int_equal(fclose(file), 0);
}

static void journal_gives_results_back_bit_by_bit(void **state)
{
    struct run *r = *state;
    struct q8_result want[JOBS];

    assert_int_equal(r->plan.jobs, JOBS);
    finish(r, UP, 7);
    finish(r, NORM, 8);
    memcpy(want, r->c.result, sizeof want);
    assert_true(start_again(r));
    assert_false(r->c.result[DOWN].done);
    for (int i = UP; i < JOBS; i++) {
        const struct q8_result *have = &r->c.result[i];

        assert_true(have->done);
        assert_true(have->stats.err2 == want[i].stats.err2);
        assert_true(have->stats.val2 == want[i].stats.val2);
        assert_int_equal(have->stats.zero_rows, want[i].stats.zero_rows);
        assert_int_equal(have->stats.moved, want[i].stats.moved);
        assert_true(have->constant == want[i].constant);
        assert_true(q8_digest_same(&have->source, &want[i].source));
        for (unsigned p = 0; p < Q8_PARTS; p++)
            assert_true(q8_digest_same(&have->part[p], &want[i].part[p]));
    }
    assert_true(q8_journal_recheck(&r->c, &r->s.err));
    assert_int_equal(r->c.kept, 2);
    finish(r, DOWN, 9); /* goes on in the new file */
    assert_true(start_again(r));
    for (int i = 0; i < JOBS; i++)
        assert_true(r->c.result[i].done);
}

static void journal_of_other_options_is_refused(void **state)
{
    struct run *r = *state;

    finish(r, UP, 7);
    end(r, true);
    begin(r);
    r->c.options.measure = true; /* a part of the report */
    assert_false(q8_journal_open(&r->c, &r->s.err));
    assert_int_equal(r->s.err.code, Q8_EUSAGE);
    assert_non_null(strstr(r->s.err.text, "the source or the options changed since"));
    assert_false(r->c.result[UP].done);
    r->s.err = (struct q8_err){0};
    r->plan.quantization = "{}";
    r->c.options.measure = false;
    assert_false(q8_journal_open(&r->c, &r->s.err));
    assert_int_equal(r->s.err.code, Q8_EUSAGE);
}

static void journal_skips_lines_that_do_not_hold(void **state)
{
    struct run *r = *state;

    finish(r, DOWN, 7);
    finish(r, UP, 8);
    spoil_journal(r, -2); /* the digest of the last line */
    finish(r, NORM, 9);
    assert_true(start_again(r));
    assert_true(r->c.result[DOWN].done && r->c.result[NORM].done);
    assert_false(r->c.result[UP].done);
}

static void journal_ends_where_a_kill_tore_it(void **state)
{
    struct run *r = *state;
    struct stat st;

    finish(r, DOWN, 7);
    finish(r, UP, 8);
    assert_int_equal(stat(r->journal, &st), 0);
    assert_int_equal(truncate(r->journal, st.st_size - 1), 0); /* its line break */
    assert_true(start_again(r));
    assert_true(r->c.result[DOWN].done);
    assert_false(r->c.result[UP].done);
}

static void journal_recheck_drops_what_the_disk_lost(void **state)
{
    struct run *r = *state;

    finish(r, DOWN, 7);
    finish(r, UP, 8);
    finish(r, NORM, 9);
    assert_true(q8_file_write(r->c.shard, r->plan.job[UP].offset[1], "x", 1, &r->s.err));
    assert_true(start_again(r));
    assert_true(r->c.result[UP].done);
    assert_true(q8_journal_recheck(&r->c, &r->s.err));
    assert_false(r->c.result[UP].done);
    assert_int_equal(r->c.kept, 2);
    assert_true(start_again(r)); /* nor does the new journal have it */
    assert_true(r->c.result[DOWN].done && r->c.result[NORM].done);
    assert_false(r->c.result[UP].done);
}

static void journal_restore_writes_all_of_it_again(void **state)
{
    struct run *r = *state;

    finish(r, DOWN, 7);
    finish(r, NORM, 9);
    assert_int_equal(unlink(r->journal), 0);
    assert_true(q8_journal_restore(&r->c, &r->s.err));
    assert_true(start_again(r));
    assert_true(r->c.result[DOWN].done && r->c.result[NORM].done);
    assert_false(r->c.result[UP].done);
}

/* A source that was written anew, with its size and time set back, is read again. */
static void journal_doubts_a_source_that_was_touched(void **state)
{
    struct run *r = *state;
    struct q8_worker worker;

    finish(r, DOWN, 7);
    finish(r, UP, 8);
    assert_true(start_again(r));
    assert_false(r->c.doubted);
    assert_true(q8_worker_open(&worker, &r->plan, Q8_ISA_ref, false, &r->s.err));
    end(r, true);
    begin(r);
    r->s.model.shard[0].file.stat.st_ctim.tv_nsec ^= 1;
    assert_true(q8_journal_open(&r->c, &r->s.err));
    assert_true(r->c.doubted);
    r->c.worker = &worker;
    /* one of the two was made from what the source holds */
    {
        struct q8_pool none = {.threads = 1};

        assert_true(
            q8_job_source(&worker, &r->plan.job[UP], &none, &r->c.result[UP].source, &r->s.err));
    }
    assert_true(q8_journal_recheck(&r->c, &r->s.err));
    assert_true(r->c.result[UP].done);
    assert_false(r->c.result[DOWN].done);
    q8_worker_close(&worker);
}

static void journal_names_the_files_of_its_run(void **state)
{
    static const char *const names[] = {"config.json", "model.safetensors", "q8-journal",
                                        "q8-manifest.json"};
    struct run *r = *state;
    struct q8_claim claim;

    assert_int_equal(q8_head_claim(&r->c.publish.dir, &claim, &r->s.mem, &r->s.err), Q8_HEAD_WHOLE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(q8_claim_has(&claim, names[i]));
    assert_int_equal(claim.names, 6); /* and the two that the journal has for a moment */
    spoil_journal(r, 60);             /* in a name */
    assert_int_equal(q8_head_claim(&r->c.publish.dir, &claim, &r->s.mem, &r->s.err), Q8_HEAD_TORN);
    assert_false(q8_claim_has(&claim, "config.json"));
    assert_int_equal(truncate(r->journal, 0), 0);
    assert_int_equal(q8_head_claim(&r->c.publish.dir, &claim, &r->s.mem, &r->s.err), Q8_HEAD_TORN);
    assert_int_equal(unlink(r->journal), 0);
    assert_int_equal(symlink("elsewhere", r->journal), 0);
    assert_int_equal(q8_head_claim(&r->c.publish.dir, &claim, &r->s.mem, &r->s.err), Q8_HEAD_NONE);
    assert_int_equal(r->s.err.code, 0);
    assert_int_equal(unlink(r->journal), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_gives_results_back_bit_by_bit),
        TEST(journal_of_other_options_is_refused),
        TEST(journal_skips_lines_that_do_not_hold),
        TEST(journal_ends_where_a_kill_tore_it),
        TEST(journal_recheck_drops_what_the_disk_lost),
        TEST(journal_restore_writes_all_of_it_again),
        TEST(journal_doubts_a_source_that_was_touched),
        TEST(journal_names_the_files_of_its_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
