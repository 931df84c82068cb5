/* What kernels.cu needs of CUDA, on the CPU: a block's threads are coroutines that take turns at each barrier, and the blocks
   come one after another. Threads of the system would spend most of their time at barriers. The tests compile and run it. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

typedef unsigned long long wide;
typedef struct { unsigned x; } place;
static place threadIdx, blockIdx;
/* Few threads, so that rows of the tests' width take several turns. */
#define THREADS 8
static const place blockDim = {THREADS};
static ucontext_t turns, threads[THREADS];
#define KERNEL static void
#define DEVICE static
#define SHARED static
#define SYNC() swapcontext(&threads[threadIdx.x], &turns)
static float FROM_BITS(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
#ifdef BF16
typedef uint16_t REAL;
static float from_bf16(uint16_t x)
{
    return FROM_BITS((uint32_t)x << 16);
}
static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return 0x7fff;
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
#define LOAD(x) from_bf16(x)
#define STORE(x) to_bf16(x)
#else
typedef float REAL;
#define LOAD(x) (x)
#define STORE(x) (x)
#endif
