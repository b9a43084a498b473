/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/word.h"

#include <string.h>

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

bool word_is_rest(const char *p, size_t len, const char *word)
{
    size_t i = 0;

    while (i < len && word[i] != '\0' && fold(p[i]) == fold(word[i]))
        i++;
    return i == len && word[i] == '\0';
}

bool word_fits(const char *p, size_t len, const char *pattern)
{
    size_t i = 0;

    while (i < len && pattern[i] != '\0' && fold(p[i]) == pattern[i])
        i++;
    return (pattern[i] == '*' && pattern[i + 1] == '\0') || (i == len && pattern[i] == '\0');
}

bool word_occurs(const char *p, size_t len, const char *word)
{
    const char *end = p + len;
    size_t n = strlen(word);

    for (; (size_t)(end - p) >= n; p++) {
        p = memchr(p, word[0], (size_t)(end - p) - n + 1);
        if (p == NULL)
            return false;
        if (memcmp(p, word, n) == 0)
            return true;
    }
    return false;
}
