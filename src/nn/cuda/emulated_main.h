/* Behind kernels.cu: starts one of them as a device would. */
typedef void (*kernel)(ARGUMENTS);
static const struct {
    const char *name;
    kernel start;
} KERNELS[] = {
#define NAMED(name) {#name, name}
    NAMED(rms_norm), NAMED(rms_norm_backward), NAMED(swiglu), NAMED(swiglu_backward), NAMED(rotate),
    NAMED(masked_softmax), NAMED(masked_softmax_backward), NAMED(log_likelihood), NAMED(log_likelihood_backward),
};
static kernel chosen;
static unsigned numbers[6], grid;
static float real_number;
static void *operands[4];

static void *thread(void *index)
{
    threadIdx.x = (unsigned)(uintptr_t)index;
    for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++) {
        chosen(operands[0], operands[1], operands[2], operands[3], numbers[0], numbers[1], numbers[2], numbers[3],
               numbers[4], numbers[5], real_number);
        SYNC();
    }
    return NULL;
}

/* A line a start, KERNEL REAL N0 ... N5 GRID BYTES1 BYTES2 BYTES3 BYTES_OUT, and behind it the operands; until the end of the input. */
int main(void)
{
    char name[64];
    size_t bytes[4];
    pthread_barrier_init(&barrier, NULL, THREADS);
    while (scanf("%63s %f %u %u %u %u %u %u %u %zu %zu %zu %zu", name, &real_number, &numbers[0], &numbers[1], &numbers[2],
                 &numbers[3], &numbers[4], &numbers[5], &grid, &bytes[0], &bytes[1], &bytes[2], &bytes[3]) == 13) {
        /* The line's end. */
        getchar();
        chosen = NULL;
        for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++)
            if (!strcmp(KERNELS[i].name, name))
                chosen = KERNELS[i].start;
        if (!chosen)
            return 3;
        for (int i = 0; i < 4; i++) {
            operands[i] = malloc(bytes[i]);
            if ((bytes[i] && !operands[i]) || (i < 3 && fread(operands[i], 1, bytes[i], stdin) != bytes[i]))
                return 4;
        }
        pthread_t threads[THREADS];
        for (uintptr_t i = 0; i < THREADS; i++)
            if (pthread_create(&threads[i], NULL, thread, (void *)i))
                return 5;
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        if (fwrite(operands[3], 1, bytes[3], stdout) != bytes[3] || fflush(stdout))
            return 6;
        for (int i = 0; i < 4; i++)
            free(operands[i]);
    }
    return 0;
}
