/* SPDX-License-Identifier: Apache-2.0 */

/* Gives the files of a corpus to a fuzz target, for compilers without libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (f == NULL) {
            perror(argv[i]);
            return 1;
        }
        uint8_t *data = malloc(1 << 24);
        size_t size = data != NULL ? fread(data, 1, 1 << 24, f) : 0;
        fclose(f);
        /* exactly as large as the input, so that a sanitizer sees a read past its end */
        uint8_t *exact = malloc(size > 0 ? size : 1);
        if (data == NULL || exact == NULL)
            return 1;
        for (size_t n = 0; n < size; n++)
            exact[n] = data[n];
        free(data);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    return 0;
}
