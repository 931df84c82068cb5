/* Behind kernels.cu: starts one of them as a device would. */
typedef void (*kernel)(ARGUMENTS);
static const struct {
    const char *name;
    kernel start;
} KERNELS[] = {
#define NAMED(name) {#name, name}
    NAMED(rms_norm), NAMED(add_rms_norm), NAMED(rms_norm_backward), NAMED(layer_norm), NAMED(layer_norm_backward),
    NAMED(gelu), NAMED(gelu_backward), NAMED(biased), NAMED(swiglu), NAMED(swiglu_backward), NAMED(rotate),
    NAMED(heads_major), NAMED(token_major), NAMED(masked_softmax), NAMED(masked_softmax_backward), NAMED(log_likelihood),
    NAMED(log_likelihood_backward), NAMED(adamw), NAMED(squares),
    NAMED(unpack),
};
static kernel chosen;
static unsigned numbers[6], grid;
static float reals[4];
/* Four inputs, then the output. */
static void *operands[5];

static unsigned ended;

/* One thread's way through its block. */
static void thread(void)
{
    chosen(operands[0], operands[1], operands[2], operands[3], operands[4], numbers[0], numbers[1], numbers[2], numbers[3],
           numbers[4], numbers[5], reals[0], reals[1], reals[2], reals[3]);
    ended++;
}

/* Runs the threads of the block `blockIdx` to their ends, each from barrier to barrier. Whether all pass the same barriers.
   Every second block begins with its last thread: what a thread reads of another without a barrier between is wrong in one
   of the two orders. */
static int run_block(void)
{
    static char stacks[THREADS][1 << 16];
    static int backwards;

    backwards = !backwards;

    for (int i = 0; i < THREADS; i++) {
        if (getcontext(&threads[i]))
            return 0;
        threads[i].uc_stack.ss_sp = stacks[i];
        threads[i].uc_stack.ss_size = sizeof stacks[i];
        threads[i].uc_link = &turns;
        makecontext(&threads[i], thread, 0);
    }
    for (ended = 0; ended < THREADS;) {
        if (ended)
            return 0;
        for (unsigned i = 0; i < THREADS; i++) {
            threadIdx.x = backwards ? THREADS - 1 - i : i;
            swapcontext(&turns, &threads[threadIdx.x]);
        }
    }
    return 1;
}

/* A line a start, KERNEL GIVEN GRID N0 ... N5 R0 ... R3 BYTES1 ... BYTES4 BYTES_OUT, and behind it the inputs, and the output
   if GIVEN; an input of no bytes is left out. Answers with the output, and if GIVEN with the inputs, which may have
   changed. Until the end of its own input. */
int main(void)
{
    char name[64];
    size_t bytes[5];
    int given;
    while (scanf("%63s %d %u", name, &given, &grid) == 3) {
        for (int i = 0; i < 6; i++)
            if (scanf("%u", &numbers[i]) != 1)
                return 2;
        for (int i = 0; i < 4; i++)
            if (scanf("%f", &reals[i]) != 1)
                return 2;
        for (int i = 0; i < 5; i++)
            if (scanf("%zu", &bytes[i]) != 1)
                return 2;
        /* The line's end. */
        getchar();
        chosen = NULL;
        for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++)
            if (!strcmp(KERNELS[i].name, name))
                chosen = KERNELS[i].start;
        if (!chosen)
            return 3;
        for (int i = 0; i < 5; i++) {
            operands[i] = bytes[i] ? malloc(bytes[i]) : NULL;
            if (bytes[i] && !operands[i])
                return 4;
            if ((i < 4 || given) && fread(operands[i], 1, bytes[i], stdin) != bytes[i])
                return 4;
        }
        for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
            if (!run_block())
                return 5;
        for (int i = given ? 0 : 4; i < 5; i++)
            if (fwrite(operands[i], 1, bytes[i], stdout) != bytes[i])
                return 6;
        if (fflush(stdout))
            return 6;
        for (int i = 0; i < 5; i++)
            free(operands[i]);
    }
    return 0;
}
