// What kernels.cu needs of CUDA; with BF16 in that format, else in f32. No header is included, for none may be installed.
typedef unsigned long long wide;
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#define SHARED __shared__
#define SYNC() __syncthreads()
#define THREADS 256
#define FROM_BITS(bits) __uint_as_float(bits)
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif
#ifdef BF16
typedef unsigned short REAL;
#define LOAD(x) __uint_as_float((unsigned)(x) << 16)
#define STORE(x) to_bf16(x)
// To the nearest, of two to the even one; what is not a number stays none.
static __device__ __forceinline__ unsigned short to_bf16(float value)
{
    unsigned bits = __float_as_uint(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return 0x7fff;
    return (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
#else
typedef float REAL;
#define LOAD(x) (x)
#define STORE(x) (x)
#endif
