/* order.h - what the sweep and its agent inside the command share: one page of memory */
#ifndef TESTS_SWEEP_ORDER_H
#define TESTS_SWEEP_ORDER_H

#include <linux/filter.h>
#include <stdatomic.h>
#include <stdbool.h>

#define ORDER_VARIABLE "Q8_SWEEP" /* holds the descriptor of the page */
#define ORDER_FILTERS 128

struct order {
    /* written by the sweep before the command starts */
    unsigned short filters; /* of `filter`; 0: no system call is looked at */
    struct sock_filter filter[ORDER_FILTERS];
    long alloc_at;   /* the allocation that fails, from 1; 0: none */
    bool alloc_ever; /* and all that come after it */

    /* written by the agent */
    atomic_int listener; /* 1 + the descriptor that hands out the calls; -1: the kernel has none */
    atomic_long allocs;  /* so far */
};

#endif
