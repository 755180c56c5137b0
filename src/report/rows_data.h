/* rows_data.h - the rows of a page as JSON: what the script knows of them */
#ifndef Q8_REPORT_ROWS_DATA_H
#define Q8_REPORT_ROWS_DATA_H

#include "src/report/rows.h"

/*
 * Members of an open object, from which the script knows the rows, in their order.  In what is
 * called runs `[value, n]` stands for n times the value; null is what a row does not have.
 *
 *   "rows"     how many
 *   "names"    {"parts": [[text, ...]], "of": runs, "numbers": [runs, runs]}: a name is its parts
 *              with a number between each two; `of` is an index into parts
 *   "words"    {key: {"text": [text], "of": runs}}
 *   "columns"  [{"group", "title", "help", "form", "value": runs}]; those of the map alone have no
 *              title; "mine" is the index of one of them, or -1
 *   "marks"    [{"id", "title"}], and "marked": runs, a bit for each
 *   "places"   runs: 1 where a row may stand on the map
 *   "views"    [{"id", "title", "unit", "words", "column", "calm", "alarm", "log"}]
 *   "details"  {row: {...}}: the tool's, of the worst rows
 */
bool q8_page_rows_data(struct q8_json *j, const struct q8_page_rows *rows, struct q8_arena *mem,
                       struct q8_err *err);

#endif
