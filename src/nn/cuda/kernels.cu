// Elementwise and row-wise operations of a decoder layer, forward and backward, in a number format REAL that LOAD and
// STORE turn into f32 and back: all is computed in f32.
//
// Before this file stands a prologue, CUDA's (prologue.cuh) or that of the tests on the CPU (emulated.h). Every kernel
// takes four inputs, an output, six whole and four real numbers, so that there is one way to start them; an input that may
// be left out is then 0. Kernels of rows take a block a row, the others a thread an element.

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
    const void *first, const void *second, const void *third, const void *fourth, void *output, unsigned n0,           \
        unsigned n1, unsigned n2, unsigned n3, unsigned n4, unsigned n5, float real, float real1, float real2,         \
        float real3

// This thread's element of all that the grid has.
#define ELEMENT ((wide)blockIdx.x * blockDim.x + threadIdx.x)
// The number at `i` of an operand that is in f32 if `is_wide`.
#define NUMBER(operand, i, is_wide) ((is_wide) ? ((const float *)(operand))[i] : LOAD(((const REAL *)(operand))[i]))
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

// x, y [n0, n1], weight [n1], epsilon real: sum / rms(sum) weight of the sum x + y, and in fourth the sum itself.
KERNEL add_rms_norm(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1, *added = (const REAL *)second + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)third;
    REAL *y = (REAL *)output + (wide)blockIdx.x * n1, *sum = (REAL *)fourth + (wide)blockIdx.x * n1;
    float squares = 0;
    for (COLUMNS(i, n1)) {
        sum[i] = STORE(LOAD(x[i]) + LOAD(added[i]));
        squares += LOAD(sum[i]) * LOAD(sum[i]);
    }
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    // Each thread reads what it wrote itself.
    for (COLUMNS(i, n1))
        y[i] = STORE(LOAD(STORE(LOAD(sum[i]) * scale)) * LOAD(weight[i]));
}

// x [n0, n1], weight [n1], gradient of y: with g = gradient weight and n = x / rms(x), dx = (g - n mean(g n)) / rms(x),
// added to the residual's gradient [n0, n1] if there is one.
KERNEL rms_norm_backward(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)second;
    const REAL *gradient = (const REAL *)third + (wide)blockIdx.x * n1;
    const REAL *residual = fourth ? (const REAL *)fourth + (wide)blockIdx.x * n1 : 0;
    REAL *dx = (REAL *)output + (wide)blockIdx.x * n1;
    float squares = 0, products = 0;
    for (COLUMNS(i, n1)) {
        squares += LOAD(x[i]) * LOAD(x[i]);
        products += LOAD(gradient[i]) * LOAD(weight[i]) * LOAD(x[i]);
    }
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    float mean = block_sum(products) * scale * scale / n1;
    for (COLUMNS(i, n1))
        dx[i] = STORE(scale * (LOAD(gradient[i]) * LOAD(weight[i]) - LOAD(x[i]) * mean) + (residual ? LOAD(residual[i]) : 0));
}

// x [n0, n1], weight, bias [n1], epsilon real: y = (x - mean) / sd weight + bias.
KERNEL layer_norm(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)second, *bias = (const REAL *)third;
    REAL *y = (REAL *)output + (wide)blockIdx.x * n1;
    float sum = 0, squares = 0;
    for (COLUMNS(i, n1))
        sum += LOAD(x[i]);
    float mean = block_sum(sum) / n1;
    for (COLUMNS(i, n1))
        squares += (LOAD(x[i]) - mean) * (LOAD(x[i]) - mean);
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    for (COLUMNS(i, n1))
        y[i] = STORE((LOAD(x[i]) - mean) * scale * LOAD(weight[i]) + LOAD(bias[i]));
}

// x [n0, n1], weight [n1], gradient of y: with g = gradient weight, n = (x - mean) / sd: dx = (g - mean(g) - n mean(g n)) / sd.
KERNEL layer_norm_backward(ARGUMENTS)
{
    const REAL *x = (const REAL *)first + (wide)blockIdx.x * n1;
    const REAL *weight = (const REAL *)second;
    const REAL *gradient = (const REAL *)third + (wide)blockIdx.x * n1;
    REAL *dx = (REAL *)output + (wide)blockIdx.x * n1;
    float sum = 0, squares = 0, sum_g = 0, products = 0;
    for (COLUMNS(i, n1))
        sum += LOAD(x[i]);
    float mean = block_sum(sum) / n1;
    for (COLUMNS(i, n1)) {
        float centred = LOAD(x[i]) - mean, g = LOAD(gradient[i]) * LOAD(weight[i]);
        squares += centred * centred;
        sum_g += g;
        products += g * centred;
    }
    float scale = 1 / sqrtf(block_sum(squares) / n1 + real);
    float mean_g = block_sum(sum_g) / n1, mean_gn = block_sum(products) * scale / n1;
    for (COLUMNS(i, n1))
        dx[i] = STORE(scale * (LOAD(gradient[i]) * LOAD(weight[i]) - mean_g - (LOAD(x[i]) - mean) * scale * mean_gn));
}

// u with x sigmoid(u) the GELU of x: its quick form, or where `tangent` its tanh form; and u's derivative.
DEVICE float gelu_of(float x, unsigned tangent, float *slope)
{
    if (!tangent) {
        *slope = 1.702f;
        return 1.702f * x;
    }
    *slope = 1.5957691216f * (1 + 3 * 0.044715f * x * x);
    return 1.5957691216f * (x + 0.044715f * x * x * x);
}

// x [n0], in f32 if n3, the bias of its rows [n2] or none, n1 which form: x sigmoid(u(x)) of the biased x.
KERNEL gelu(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float x = NUMBER(first, i, n3), slope;
    if (second)
        x += LOAD(((const REAL *)second)[i % n2]);
    ((REAL *)output)[i] = STORE(x / (1 + expf(-gelu_of(x, n1, &slope))));
}

// x (biased), gradient of y [n0], n1 which form: gradient s (1 + x u'(x) (1 - s)) with s = sigmoid(u(x)).
KERNEL gelu_backward(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float x = LOAD(((const REAL *)first)[i]), slope;
    float sigmoid = 1 / (1 + expf(-gelu_of(x, n1, &slope)));
    ((REAL *)output)[i] = STORE(LOAD(((const REAL *)second)[i]) * sigmoid * (1 + x * slope * (1 - sigmoid)));
}

// y [n0], in f32 if n2, the bias of its rows [n1] and a residual [n0], either of which may be left out: their sum.
KERNEL biased(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float sum = NUMBER(first, i, n2);
    if (second)
        sum += LOAD(((const REAL *)second)[i % n1]);
    if (third)
        sum += LOAD(((const REAL *)third)[i]);
    ((REAL *)output)[i] = STORE(sum);
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

// gate, up, gradient of y [n0]: the gradient of gate, and in fourth that of up.
KERNEL swiglu_backward(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float gate = LOAD(((const REAL *)first)[i]), up = LOAD(((const REAL *)second)[i]);
    float gradient = LOAD(((const REAL *)third)[i]);
    float sigmoid = 1 / (1 + expf(-gate));
    ((REAL *)output)[i] = STORE(gradient * up * sigmoid * (1 + gate * (1 - sigmoid)));
    ((REAL *)fourth)[i] = STORE(gradient * gate * sigmoid);
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

// x [n0 batch, n1 tokens] (f32 if real1) of n5 numbers a token, of which n2 heads of 2 n3 are read; the heads' bias [n2, 2 n3]; f32 tables
// [2, n0, n1, n3] of cosines and sines; past [n4, n2, 2 n3], which stands before each sequence. Gives [n0, n2, n4 + n1,
// 2 n3]: heads before tokens, biased, then, of the first real ones, rotated. Bias, tables and past may be left out. A
// thread has a pair.
KERNEL heads_major(ARGUMENTS)
{
    wide pair = ELEMENT;
    unsigned tokens = n4 + n1;
    if (pair >= (wide)n0 * n2 * tokens * n3)
        return;
    wide row = pair / n3;
    unsigned column = (unsigned)(pair % n3), token = (unsigned)(row % tokens), head = (unsigned)(row / tokens % n2);
    REAL *y = (REAL *)output + row * 2 * n3;
    if (token < n4) {
        const REAL *past = (const REAL *)fourth + ((wide)token * n2 + head) * 2 * n3;
        y[column] = past[column];
        y[n3 + column] = past[n3 + column];
        return;
    }
    wide of_all = row / tokens / n2 * n1 + (token - n4);
    wide at = of_all * n5 + (wide)head * 2 * n3 + column;
    float a = NUMBER(first, at, real1), b = NUMBER(first, at + n3, real1), cosine = 1, sine = 0;
    if (second) {
        const REAL *bias = (const REAL *)second + (wide)head * 2 * n3;
        a += LOAD(bias[column]);
        b += LOAD(bias[n3 + column]);
    }
    if (third && head < real) {
        const float *tables = (const float *)third;
        cosine = tables[of_all * n3 + column];
        sine = tables[((wide)n0 * n1 + of_all) * n3 + column];
    }
    y[column] = STORE(a * cosine - b * sine);
    y[n3 + column] = STORE(b * cosine + a * sine);
}

// The way back: x [n0 batch, n2 heads, n4 + n1 tokens, 2 n3], of which each sequence's first n4 tokens are left out; tables
// as above or none, sign real of the rotation. Gives [n0, n1, n2, 2 n3].
KERNEL token_major(ARGUMENTS)
{
    wide pair = ELEMENT;
    if (pair >= (wide)n0 * n1 * n2 * n3)
        return;
    wide row = pair / n3, of_all = row / n2;
    unsigned column = (unsigned)(pair % n3), head = (unsigned)(row % n2);
    const REAL *x = (const REAL *)first + ((of_all / n1 * n2 + head) * (n4 + n1) + n4 + of_all % n1) * 2 * n3;
    REAL *y = (REAL *)output + row * 2 * n3;
    float a = LOAD(x[column]), b = LOAD(x[n3 + column]), cosine = 1, sine = 0;
    if (second) {
        const float *tables = (const float *)second;
        cosine = tables[of_all * n3 + column];
        sine = real * tables[((wide)n0 * n1 + of_all) * n3 + column];
    }
    y[column] = STORE(a * cosine - b * sine);
    y[n3 + column] = STORE(b * cosine + a * sine);
}

// scores [n0 batch, n1 heads, n2 queries, n3 keys], segments (u32) [n0, n3], positions of the queries (u32) [n0, n2], causal
// n4, scale real: softmax(scale scores) over the keys that a query sees (see Mask in attention.rs), 0 for the others. Without
// segments and positions, every query sees every key.
KERNEL masked_softmax(ARGUMENTS)
{
    wide row = blockIdx.x;
    unsigned batch = (unsigned)(row / ((wide)n1 * n2)), query = (unsigned)(row % n2);
#define SCORE(key) (NUMBER(first, row * n3 + (key), n5) * real)
    const unsigned *segments = second ? (const unsigned *)second + (wide)batch * n3 : 0;
    unsigned place = second ? ((const unsigned *)third)[(wide)batch * n2 + query] : 0;
    REAL *y = (REAL *)output + row * n3;
    unsigned own = second ? segments[place] : 0;
#define SEEN(key) (!segments || ((!n4 || (key) <= place) && (segments[key] == 0 || segments[key] == own)))
    float largest = -INFINITY;
    for (COLUMNS(i, n3))
        if (SEEN(i))
            largest = fmaxf(largest, SCORE(i));
    largest = block_max(largest);
    float sum = 0;
    for (COLUMNS(i, n3))
        if (SEEN(i))
            sum += expf(SCORE(i) - largest);
    sum = block_sum(sum);
    for (COLUMNS(i, n3))
        y[i] = STORE(SEEN(i) ? expf(SCORE(i) - largest) / sum : 0);
#undef SEEN
#undef SCORE
}

// weights y and their gradient [n0, n1], which is in f32 if n2, scale real: dx = scale y (gradient - sum(gradient y)).
KERNEL masked_softmax_backward(ARGUMENTS)
{
    const REAL *y = (const REAL *)first + (wide)blockIdx.x * n1;
#define GRADIENT(key) NUMBER(second, (wide)blockIdx.x * n1 + (key), n2)
    REAL *dx = (REAL *)output + (wide)blockIdx.x * n1;
    float products = 0;
    for (COLUMNS(i, n1))
        products += GRADIENT(i) * LOAD(y[i]);
    float sum = block_sum(products);
    for (COLUMNS(i, n1))
        dx[i] = STORE(real * LOAD(y[i]) * (GRADIENT(i) - sum));
#undef GRADIENT
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

// One step of AdamW (f32), in place: gradient [n0], its mean second and the mean of its squares third, the parameter output;
// real scales the gradient, real1 is the rate divided by the first moment's correction, real2 the second's inverse root,
// real3 what decay leaves of the parameter.
KERNEL adamw(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    float *mean = (float *)second + i, *square = (float *)third + i, *parameter = (float *)output + i;
    float gradient = ((const float *)first)[i] * real;
    *mean = *mean * 0.9f + gradient * 0.1f;
    *square = *square * 0.999f + gradient * gradient * 0.001f;
    *parameter = *parameter * real3 - *mean / (sqrtf(*square) * real2 + 1e-8f) * real1;
}

// x [n0] (f32) and the sums [grid] of earlier tensors, or none: each block adds the squares of its share of x.
KERNEL squares(ARGUMENTS)
{
    const float *x = (const float *)first;
    float sum = 0;
    for (wide i = ELEMENT; i < n0; i += (wide)n1 * blockDim.x)
        sum += x[i] * x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        ((float *)output)[blockIdx.x] = sum + (second ? ((const float *)second)[blockIdx.x] : 0);
}

// The f16 number at p.
DEVICE float half_at(const unsigned char *p)
{
    unsigned bits = p[0] | (unsigned)p[1] << 8;
    // An f32 of the same fraction whose exponent is 112 too small; so numbers below the smallest normal one come out, too.
    return FROM_BITS((bits & 0x8000) << 16 | (bits & 0x7fff) << 13) * 5.192296858534828e33f;
}

// Blocks of a matrix of n1 columns, ggml's Q8_0 or if n2 its Q4_K, and rows (u32) or none: n0 numbers from number n3 on, or
// those of the rows.
KERNEL unpack(ARGUMENTS)
{
    wide i = ELEMENT;
    if (i >= n0)
        return;
    const unsigned *rows = (const unsigned *)second;
    wide number = rows ? (wide)rows[i / n1] * n1 + i % n1 : n3 + i;
    float value;
    if (n2) {
        const unsigned char *block = (const unsigned char *)first + number / 256 * 144, *scales = block + 4;
        unsigned within = number % 256, part = within / 32;
        // Of each 64 numbers the first 32 are the bytes' low halves, the others the high ones.
        unsigned whole = block[16 + within / 64 * 32 + within % 32] >> part % 2 * 4 & 15;
        unsigned scale, least;
        if (part < 4) {
            scale = scales[part] & 63;
            least = scales[part + 4] & 63;
        } else {
            scale = (scales[part + 4] & 15) | scales[part - 4] >> 6 << 4;
            least = scales[part + 4] >> 4 | scales[part] >> 6 << 4;
        }
        value = half_at(block) * scale * whole - half_at(block + 2) * least;
    } else {
        const unsigned char *block = (const unsigned char *)first + number / 32 * 34;
        value = half_at(block) * (signed char)block[2 + number % 32];
    }
    ((REAL *)output)[i] = STORE(value);
}
