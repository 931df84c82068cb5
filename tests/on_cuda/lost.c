/* Loaded before the driver's library. The kernel launch number LOSE_AT, and all work after it, fails as on a device whose
   context is broken; cuBLAS' handle cannot be given back any more. Writes the number of launches to the file LOSE_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long launches;
static atomic_int lost;

#define ILLEGAL_ADDRESS 700
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **arguments, void **extra)
{
    static int (*next)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
    const char *at = getenv("LOSE_AT");

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "cuLaunchKernel");
    if (atomic_fetch_add(&launches, 1) + 1 == (at ? atol(at) : 0))
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

__attribute__((destructor)) static void count(void)
{
    const char *path = getenv("LOSE_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;

    if (file) {
        fprintf(file, "%ld", (long)launches);
        fclose(file);
    }
}
