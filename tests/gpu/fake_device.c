/* fake_device.c - the fake GPU that checkcuda is tried on */
#include "tests/unit/fake_cuda.h"

__attribute__((constructor)) static void plug_in(void)
{
    fake_cuda.devices = 1;
    fake_cuda.memory = UINT64_C(1) << 32;
}
