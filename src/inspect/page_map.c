/* page_map.c - the heat map of q8-inspect: what each weight of a layer is coloured by */
#include "src/inspect/page_parts.h"
#include "src/report/heat_map.h"

#include <math.h>
#include <string.h>

#define ANY ((double)NAN) /* as far as the values do; no mark */

/* dB are beyond options.min_sqnr: a model without trouble is calm, however its values differ. */
static const struct {
    struct q8_heat_view view;
    const char *number; /* key of its column, see q8_numbers_find */
} views[] = {
    {{"sqnr", "SQNR", Q8_HTML_DECIBEL, " dB", "", 15, -10, ANY, false}, "sqnr"},
    {{"bits", "Bits", Q8_HTML_BITS, " bits",
      "Entropy of the codes: of 8 bits, how many are worth their place.", 8, 4, ANY, false},
     "effective_bits"},
    {{"absmax", "Absmax", Q8_HTML_PLAIN, "", "Largest magnitude; the colour goes by its logarithm.",
      ANY, ANY, ANY, true},
     "absmax"},
    {{"share", "Outlier share", Q8_HTML_PERCENT, "",
      "Share of the rows whose largest magnitude lies in one and the same input feature.", 0, 0.1,
      ANY, false},
     "share"},
    {{"saturated", "Saturated", Q8_HTML_PERCENT, "",
      "Share of the codes at the ends of their range.", 0, 0.02, ANY, false},
     "saturated_share"},
};

#define VIEWS (sizeof views / sizeof *views)

_Static_assert(VIEWS <= Q8_HTML_VIEWS, "a map has room for every view");

/* The weights that have a place in it. */
static bool collect(struct q8_heat_map *map, const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    uint64_t row = 0;

    map->spot = q8_alloc(page->mem, in->subjects, sizeof *map->spot, page->err);
    if (!map->spot)
        return false;
    for (uint64_t i = 0; i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];
        bool weight = s->codes || (s->matrix && s->matrix->have_costs);

        if (s->shown && weight && s->layer != UINT64_MAX) {
            struct q8_heat_spot *spot = &map->spot[map->spots++];

            *spot = (struct q8_heat_spot){.name = s->name,
                                          .role = s->role,
                                          .layer = s->layer,
                                          .row = row,
                                          .low = q8_subject_below(in, s),
                                          .bad = s->numbers.nans || s->numbers.infinities};
            for (unsigned v = 0; v < VIEWS; v++)
                spot->value[v] = q8_column_value(q8_numbers_find(views[v].number), in, s);
        }
        row += s->shown;
    }
    return true;
}

bool q8_html_map(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    struct q8_heat_map map = {.views = VIEWS, .bad = "has NaN or Inf"};
    struct q8_heat_view *sqnr = map.view;
    char words[128] = "";

    if (!collect(&map, page))
        return false;
    for (unsigned v = 0; v < VIEWS; v++)
        map.view[v] = views[v].view;
    if (in->stored.count)
        (void)snprintf(words, sizeof words, "against the reference");
    else if (in->options.target)
        (void)snprintf(words, sizeof words, "with <b>%s</b>", in->options.target->name);
    sqnr->words = q8_sprintf(page->mem, page->err, "Signal to quantization noise %s", words);
    sqnr->calm += in->options.min_sqnr;
    sqnr->alarm += in->options.min_sqnr;
    sqnr->low = in->options.min_sqnr;
    return sqnr->words && q8_heat_map_print(page->out, &map, page->mem, page->err);
}
