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

int main(int count, char **arguments)
{
    if (count != 14)
        return 2;
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++)
        if (!strcmp(KERNELS[i].name, arguments[1]))
            chosen = KERNELS[i].start;
    if (!chosen)
        return 3;
    real_number = strtof(arguments[2], NULL);
    for (int i = 0; i < 6; i++)
        numbers[i] = (unsigned)strtoul(arguments[3 + i], NULL, 10);
    grid = (unsigned)strtoul(arguments[9], NULL, 10);
    for (int i = 0; i < 4; i++) {
        size_t bytes = strtoul(arguments[10 + i], NULL, 10);
        operands[i] = malloc(bytes);
        if (!operands[i] || (i < 3 && fread(operands[i], 1, bytes, stdin) != bytes))
            return 4;
    }
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread, (void *)i))
            return 5;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    size_t bytes = strtoul(arguments[13], NULL, 10);
    return fwrite(operands[3], 1, bytes, stdout) == bytes ? 0 : 6;
}
