/* fake_device.c - the fake GPU that commands are tried on, of FAKE_CUDA_MIB MiB */
#include "tests/unit/fake_cuda.h"

#include <stdlib.h>

__attribute__((constructor)) static void plug_in(void)
{
    fake_cuda.devices = 1;
    fake_cuda.memory = UINT64_C(1) << 32;
    if (getenv("FAKE_CUDA_MIB"))
        fake_cuda.memory = strtoull(getenv("FAKE_CUDA_MIB"), NULL, 10) << 20;
}
