/* Loaded before the driver's library. The first kernel launch after the file LOSE_AFTER exists, and all work after it, fails
   as on a device whose context is broken; cuBLAS' handle cannot be given back any more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int lost;

#define ILLEGAL_ADDRESS 700
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **arguments, void **extra)
{
    static int (*next)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
    const char *after = getenv("LOSE_AFTER");

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "cuLaunchKernel");
    if (after && !access(after, F_OK))
        lost = 1;
    return lost ? ILLEGAL_ADDRESS : next(f, gx, gy, gz, bx, by, bz, shared, stream, arguments, extra);
}

#define WORK(name, parameters, arguments) \
    int name parameters \
    { \
        static int (*next) parameters; \
        if (!next) \
            *(void **)&next = dlsym(RTLD_NEXT, #name); \
        return lost ? ILLEGAL_ADDRESS : next arguments; \
    }

WORK(cuMemcpyHtoDAsync_v2, (unsigned long long to, void *from, size_t n, void *s), (to, from, n, s))
WORK(cuMemcpyDtoHAsync_v2, (void *to, unsigned long long from, size_t n, void *s), (to, from, n, s))
WORK(cuMemcpyDtoDAsync_v2, (unsigned long long to, unsigned long long from, size_t n, void *s), (to, from, n, s))
WORK(cuMemAllocAsync, (void *p, size_t n, void *s), (p, n, s))
WORK(cuStreamSynchronize, (void *s), (s))
WORK(cublasDestroy_v2, (void *h), (h))
