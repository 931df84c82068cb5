// Elementwise and row-wise operations of a decoder layer, forward and backward, in a number format REAL that LOAD and
// STORE turn into f32 and back: all is computed in f32.
//
// Before this file stands a prologue, CUDA's (prologue.cuh) or that of the tests on the CPU (emulated.h). Every kernel
// takes three inputs, an output, six numbers and a real one, so that there is one way to start them. Kernels of rows take
// a block a row, the others a thread an element.

// The sum over the block's threads, for each of them.
DEVICE float block_sum(float value)
{
    SHARED float partial[THREADS];
    partial[threadIdx.x] = value;
    SYNC();
    for (unsigned stride = blockDim.x / 2; stride > 0; stride /= 2) {
        if (threadIdx.x < stride)
            partial[threadIdx.x] += partial[threadIdx.x + stride];
        SYNC();
    }
    float sum = partial[0];
    // Before the next reduction writes.
    SYNC();
    return sum;
}

// The largest value of the block's threads, for each of them.
DEVICE float block_max(float value)
{
    SHARED float partial[THREADS];
    partial[threadIdx.x] = value;
    SYNC();
    for (unsigned stride = blockDim.x / 2; stride > 0; stride /= 2) {
        if (threadIdx.x < stride)
            partial[threadIdx.x] = fmaxf(partial[threadIdx.x], partial[threadIdx.x + stride]);
        SYNC();
    }
    float largest = partial[0];
    SYNC();
    return largest;
}

#define ARGUMENTS                                                                                                      \
    const void *first, const void *second, const void *third, void *output, unsigned n0, unsigned n1, unsigned n2,     \
        unsigned n3, unsigned n4, unsigned n5, float real

// This thread's element of all that the grid has.
#define ELEMENT ((wide)blockIdx.x * blockDim.x + threadIdx.x)
// The columns of a row that this thread has.
#define COLUMNS(i, width) unsigned i = threadIdx.x; i < (width); i += blockDim.x

// x [n0, n1], weight [n1], epsilon real: y = round(x / rms(x)) weight.
KERNEL rms_norm(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)second;
    REAL *y = (REAL *)output + (wide)blockIdx.x * n1;
    float squares = 0;
    for (COLUMNS(i, n1))
        squares += LOAD(x[i]) * LOAD(x[i]);
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    for (COLUMNS(i, n1))
        y[i] = STORE(LOAD(STORE(LOAD(x[i]) * scale)) * LOAD(weight[i]));
}

// x [n0, n1], weight [n1], gradient of y: with g = gradient weight and n = x / rms(x), dx = (g - n mean(g n)) / rms(x).
KERNEL rms_norm_backward(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)second;
    const REAL *gradient = (const REAL *)third + (wide)blockIdx.x * n1;
    REAL *dx = (REAL *)output + (wide)blockIdx.x * n1;
    float squares = 0, products = 0;
    for (COLUMNS(i, n1)) {
        squares += LOAD(x[i]) * LOAD(x[i]);
        products += LOAD(gradient[i]) * LOAD(weight[i]) * LOAD(x[i]);
    }
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    float mean = block_sum(products) * scale * scale / n1;
    for (COLUMNS(i, n1))
        dx[i] = STORE(scale * (LOAD(gradient[i]) * LOAD(weight[i]) - LOAD(x[i]) * mean));
}

// gate, up [n0]: y = gate sigmoid(gate) up.
KERNEL swiglu(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float gate = LOAD(((const REAL *)first)[i]), up = LOAD(((const REAL *)second)[i]);
    ((REAL *)output)[i] = STORE(gate / (1 + expf(-gate)) * up);
}

// gate, up, gradient of y [n0]: the gradients of gate and, n0 further on, of up.
KERNEL swiglu_backward(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float gate = LOAD(((const REAL *)first)[i]), up = LOAD(((const REAL *)second)[i]);
    float gradient = LOAD(((const REAL *)third)[i]);
    float sigmoid = 1 / (1 + expf(-gate));
    ((REAL *)output)[i] = STORE(gradient * up * sigmoid * (1 + gate * (1 - sigmoid)));
    ((REAL *)output)[(wide)n0 + i] = STORE(gradient * gate * sigmoid);
}

// x [n0 tokens, n1 heads, 2 n2], f32 tables cos and sin [n0, n2], sign real: the halves of each head rotated. A thread has
// a pair.
KERNEL rotate(ARGUMENTS)
{
    wide pair = ELEMENT;
    if (pair >= (wide)n0 * n1 * n2)
        return;
    wide head = pair / n2, token = head / n1;
    unsigned column = (unsigned)(pair % n2);
    float cosine = ((const float *)second)[token * n2 + column];
    float sine = real * ((const float *)third)[token * n2 + column];
    const REAL *x = (const REAL *)first + head * 2 * n2;
    REAL *y = (REAL *)output + head * 2 * n2;
    float a = LOAD(x[column]), b = LOAD(x[n2 + column]);
    y[column] = STORE(a * cosine - b * sine);
    y[n2 + column] = STORE(b * cosine + a * sine);
}

// scores [n0 batch, n1 heads, n2 queries, n3 keys], segments (u32) [n0, n3], positions of the queries (u32) [n0, n2], causal
// n4, scale real: softmax(scale scores) over the keys that a query sees (see Mask in attention.rs), 0 for the others.
KERNEL masked_softmax(ARGUMENTS)
{
    wide row = blockIdx.x;
    unsigned batch = (unsigned)(row / ((wide)n1 * n2)), query = (unsigned)(row % n2);
    const REAL *x = (const REAL *)first + row * n3;
    const unsigned *segments = (const unsigned *)second + (wide)batch * n3;
    unsigned place = ((const unsigned *)third)[(wide)batch * n2 + query];
    REAL *y = (REAL *)output + row * n3;
    unsigned own = segments[place];
#define SEEN(key) ((!n4 || (key) <= place) && (segments[key] == 0 || segments[key] == own))
    float largest = -INFINITY;
    for (COLUMNS(i, n3))
        if (SEEN(i))
            largest = fmaxf(largest, LOAD(x[i]) * real);
    largest = block_max(largest);
    float sum = 0;
    for (COLUMNS(i, n3))
        if (SEEN(i))
            sum += expf(LOAD(x[i]) * real - largest);
    sum = block_sum(sum);
    for (COLUMNS(i, n3))
        y[i] = STORE(SEEN(i) ? expf(LOAD(x[i]) * real - largest) / sum : 0);
#undef SEEN
}

// weights y and their gradient [n0, n1], scale real: dx = scale y (gradient - sum(gradient y)).
KERNEL masked_softmax_backward(ARGUMENTS)
{
    const REAL *y = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *gradient = (const REAL *)second + (wide)blockIdx.x * n1;
    REAL *dx = (REAL *)output + (wide)blockIdx.x * n1;
    float products = 0;
    for (COLUMNS(i, n1))
        products += LOAD(gradient[i]) * LOAD(y[i]);
    float sum = block_sum(products);
    for (COLUMNS(i, n1))
        dx[i] = STORE(real * LOAD(y[i]) * (LOAD(gradient[i]) - sum));
}

// logits [n0, n1], targets (u32) [n0]: log p(target), f32; not a number for a target beyond the vocabulary.
KERNEL log_likelihood(ARGUMENTS)
{
    const REAL *logits = (const REAL *)first + (wide)blockIdx.x * n1;
    unsigned target = ((const unsigned *)second)[blockIdx.x];
    float largest = -INFINITY;
    for (COLUMNS(i, n1))
        largest = fmaxf(largest, LOAD(logits[i]));
    largest = block_max(largest);
    float sum = 0;
    for (COLUMNS(i, n1))
        sum += expf(LOAD(logits[i]) - largest);
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        ((float *)output)[blockIdx.x] = target < n1 ? LOAD(logits[target]) - largest - logf(sum) : NAN;
}

// logits [n0, n1], targets (u32) [n0], log p(target) and its gradient (f32) [2, n0]: gradient (onehot - p).
KERNEL log_likelihood_backward(ARGUMENTS)
{
    const REAL *logits = (const REAL *)first + (wide)blockIdx.x * n1;
    unsigned target = ((const unsigned *)second)[blockIdx.x];
    float told = ((const float *)third)[blockIdx.x], gradient = ((const float *)third)[(wide)n0 + blockIdx.x];
    REAL *d = (REAL *)output + (wide)blockIdx.x * n1;
    float log_sum = target < n1 ? LOAD(logits[target]) - told : NAN;
    for (COLUMNS(i, n1))
        d[i] = STORE(gradient * ((i == target) - expf(LOAD(logits[i]) - log_sum)));
}
