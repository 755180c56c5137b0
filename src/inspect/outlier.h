/* outlier.h - outlier features of activations: from norm gains, or from activation statistics */
#ifndef Q8_INSPECT_OUTLIER_H
#define Q8_INSPECT_OUTLIER_H

#include "src/forward/statistics.h"
#include "src/model/norms.h"

/*
 * A gain counts as an outlier when its magnitude is at least this many times the median of its
 * norm.  Nothing is published for gains (formats.md 3.3): it is the 6.0 of LLM.int8() applied to a
 * norm whose usual output has a magnitude near 1.
 */
#define Q8_GAIN_FACTOR 6.0

/* A feature is followed across layers when it is one in at least this share of them: arXiv
 * 2208.07339, section 4.1. */
#define Q8_LAYER_SHARE 0.25

/*
 * One vector that says how large each feature gets: the gains of a norm, or a module's absmax.  A
 * norm's gain is 1 + w in the classes that multiply by that.  Medians, here and below, are the
 * lower of two.
 */
struct q8_feature_source {
    const char *name;  /* the norm's or the module's name */
    const char *role;  /* into name: its path from behind the layer number, "input_layernorm" */
    uint64_t layer;    /* its layer; UINT64_MAX: none */
    uint64_t features; /* how many it has */
    double median;     /* of the magnitudes, NaN left out */
    uint64_t outliers; /* features that stand out here */
    const char *feeds; /* what reads a norm: "q_proj, k_proj, v_proj"; NULL: not known */
};

/* One feature in one source. */
struct q8_feature_hit {
    uint64_t source;    /* index into source */
    uint64_t dimension; /* the feature's number */
    double value;       /* gain, or absmax */
    double factor;      /* |value| / median of the source; infinity for a median of 0 */
};

/*
 * One dimension across the layers.  A layer is a path up to its number: the 0th of an encoder is
 * not that of the decoder.  Sources of no layer count as sources only.
 */
struct q8_feature {
    uint64_t dimension;         /* in sources of that many features */
    uint64_t features;          /* the hidden size that it belongs to */
    uint64_t layers, of;        /* layers in which it stands out, layers that have such a source */
    uint64_t sources;           /* sources in which it does */
    double least, median, most; /* factor over those sources */
    bool systematic;            /* of > 0, and layers / of >= Q8_LAYER_SHARE */
};

/* What was found.  Memory is the arena's. */
struct q8_outlier_list {
    struct q8_feature_source *source; /* [sources], in the order of layer, then name */
    uint64_t sources;
    struct q8_feature_hit *hit; /* [hits], by source, then dimension */
    uint64_t hits;
    /* [count], systematic ones first, then by sources, median, both falling; then by features and
     * dimension */
    struct q8_feature *feature;
    uint64_t count;
    bool from_activations; /* sources are modules of --activations, not norms */
    bool from_rms; /* of root mean squares: what reaches the threshold is one, more may be */
    /* of activation statistics only */
    double touched;            /* share of all Linear parameters in outlier columns, 0 to 1 */
    uint64_t decomposed_bytes; /* 16-bit columns that LLM.int8() works with per pass */
    const char **missing;      /* [missings] Linear modules that have no statistics, by name */
    uint64_t missings;
};

#endif
