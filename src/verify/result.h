/* result.h - what is verified, how, and what was found: the types of all pieces */
#ifndef Q8_VERIFY_RESULT_H
#define Q8_VERIFY_RESULT_H

#include "src/compare/result.h"
#include "src/forward/activations.h"
#include "src/forward/engine.h"
#include "src/model/reader.h"
#include "src/verify/finding.h"

struct q8_baseline; /* src/verify/baseline.h */
struct q8_gate;     /* src/verify/gate.h */

#define Q8_VERIFY_ROWS 5 /* rows of a weight that its report names */

/* A row of an int8 weight and what it lost. */
struct q8_bad_row {
    uint64_t row; /* of the weight as it is multiplied */
    double sqnr;  /* dB */
};

/* Level 2: what one int8 weight lost against its reference. */
struct q8_weights {
    double err2, val2;   /* sums of (w - w')^2 and of w^2 */
    double sqnr;         /* dB; infinity when nothing is lost */
    double relative_mse; /* sum (w - w')^2 / sum w^2; 0 when nothing is lost */
    double cosine;       /* of w and w'; 1 when both are 0 */
    double most_steps;   /* largest |w - w'| in steps of its group */
    /*
     * Codes that the format's rule gives for the stored scales, or the library's own rule where
     * that explains more of them: 1 - off_nearest of all.
     */
    double off_nearest;  /* share of codes that are neither, 0 to 1 */
    uint64_t off;        /* how many codes that is */
    uint64_t ties;       /* codes beside them that are off, but within 2^-15 of a tie */
    bool library_rule;   /* codes are those of a division in the weight's own type */
    uint64_t scales;     /* all scales */
    uint64_t scales_off; /* of them, not what the rule makes of the reference's absmax */
    double scale_off;    /* largest relative difference of a scale from it */
    struct q8_bad_row worst[Q8_VERIFY_ROWS]; /* the lowest SQNR first */
    unsigned worsts;                         /* how many */
};

/* Level 3: what its products with activations lost. */
struct q8_matmul {
    enum q8_activations_kind from; /* where the activations come from */
    enum q8_mode mode;             /* how they were multiplied */
    double threshold;              /* of outlier columns; 0: none are apart */
    uint64_t tokens;               /* rows of activations */
    uint64_t outliers;             /* columns multiplied in 16 bit */
    double relative_error;         /* sqrt(sum (y - y')^2 / sum y^2) */
    double sqnr;                   /* dB */
    double cosine;                 /* of y and y' */
    double most;                   /* largest |y - y'| */
    double kl;    /* mean KL divergence of softmax(y') from softmax(y), nats, of a head's
                                  logits; NaN: it is no head */
    uint64_t bad; /* products that are NaN or infinite; left out of the rest */
};

/* One int8 weight of the pair. */
struct q8_layer {
    const char *module;             /* "model.layers.0.mlp.up_proj" */
    const struct q8_compared *item; /* the pair: a is the reference, b the int8 weight */
    enum q8_kind kind;              /* of the module, in the reference's class */
    uint64_t number;                /* first number in its path; UINT64_MAX: none */
    const char *role;               /* its path from behind that number */
    struct q8_digest reference;     /* of the reference's elements, row by row */
    struct q8_digest stored;        /* of the codes [rows, cols] as int8 */
    struct q8_digest expected;      /* of the codes that the rule makes of the reference alone */
    /* what follows, and the digests, are valid */
    bool have_weights, have_matmul;
    struct q8_weights weights; /* level 2 */
    struct q8_matmul matmul;   /* level 3 */
    const char *unmeasured;    /* why level 3 is not there: a clause, or NULL */
    uint64_t failing;          /* findings about it that fail */
};

/* What to verify, and how. */
struct q8_verify_options {
    const struct q8_model *reference, *quantized; /* both open */
    struct q8_select *layers;                     /* --layers: int8 weights by module; NULL: all */
    enum q8_level level;                          /* the deepest to look at */
    enum q8_mode mode;                            /* Q8_MODES: what each weight's format does */
    double threshold;                             /* of outliers; NaN: the config's, else 6.0 */
    struct q8_activations_options activations;    /* activations */
    const struct q8_gate *gate;                   /* thresholds */
    const struct q8_baseline *baseline;           /* an earlier run; NULL: none */
    double max_drop;                              /* dB below the baseline that a layer may be */
    unsigned threads;                             /* 1 to Q8_THREADS_MAX */
    enum q8_isa isa;                              /* best instruction set to use */
    struct q8_device device;                      /* of level 3; zeroed: the CPU.  What was used,
                                                     once the run is over */
    const struct q8_watch *watch;                 /* NULL: nobody watches */
    unsigned runtimes; /* bits 1 << enum q8_reader that must load it; 0: those of its format */
    uint64_t tp;       /* GPUs that share a tensor in vLLM and SGLang; 0: 1 */
    unsigned cc;       /* their compute capability, 80 for 8.0; 0: not given */
};

/* What a runtime does with the int8 model, as far as its files tell. */
enum q8_outcome { Q8_OUTCOME_UNKNOWN, Q8_OUTCOME_LOADS, Q8_OUTCOME_FAILS };

/* One runtime. */
struct q8_runtime {
    bool judged;             /* it was asked for, or serves the format */
    bool known;              /* it has a model file for the class, as far as q8 knows */
    enum q8_outcome outcome; /* valid when judged, as the rest */
    uint64_t findings;       /* that keep it from loading the model */
    uint64_t firm;           /* of those, predictions, but for shapes that a kernel does not take */
    uint64_t doubts;         /* that leave it open */
};

/* Sums over the layers. */
struct q8_verify_totals {
    uint64_t parameters;     /* of the reference, all tensors */
    uint64_t linear, int8;   /* of those, of Linear modules; and int8 in the quantized model */
    double coverage;         /* percent of linear that is int8; 100 when there are none */
    uint64_t carried;        /* float tensors that are in both */
    uint64_t same;           /* of those, byte by byte the same */
    double weights_sqnr;     /* dB, of all int8 weights together; NaN: level 2 was not run */
    double matmul_sqnr;      /* mean over the layers, dB; NaN: level 3 was not run */
    uint64_t failing_layers; /* layers with a finding that fails */
    double seconds;          /* that it took; not in any file */
};

/* A file that q8-manifest.json of the quantized model tells of. */
struct q8_manifest_file {
    const char *name, *path; /* below the model's directory, and with it */
    uint64_t bytes;          /* as the manifest says */
    struct q8_digest digest; /* same */
    bool there;              /* a file of that many bytes is there: its digest is to be compared */
};

/* The result.  All memory is the arena's. */
struct q8_verify {
    struct q8_verify_options options; /* a copy */
    struct q8_arch arch;              /* the class that the reference's config.json names */
    struct q8_compare pairs;          /* all tensors of both, by name: a reference, b quantized */
    struct q8_weight_list weights;    /* of the reference that are multiplied, by module */
    struct q8_layer *layer;           /* [layers], by module */
    uint64_t layers;                  /* how many */
    struct q8_findings findings;      /* sorted; thresholds that said no are among them */
    struct q8_manifest_file *file;    /* [files] of the manifest, by name; q8_integrity_check's */
    uint64_t files, file_room;        /* in use, allocated */
    struct q8_runtime runtime[Q8_READERS];
    struct q8_digest reference;    /* of names and contents of all references; level 2 and up */
    struct q8_digest activations;  /* of the file of --activations; all 0: none */
    const char *engine;            /* that level 3 ran on: "cpu", "cuda" on options.device;
                                         NULL: level 3 was not run */
    struct q8_verify_totals total; /* sums */
    bool failed;                   /* the verdict */
};

#endif
