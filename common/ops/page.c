/* SPDX-License-Identifier: Apache-2.0 */

/* ops/page.c: gcc's and clang's assembler puts the files in, so that nothing is generated; the path
 * is from the folder in which make runs. */
#include "ops/page.h"

#include <string.h>

#define INCLUDE_FILE(name, path)                                                                   \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #name ", " #name "_end\n"                                                   \
            ".hidden " #name ", " #name "_end\n" #name ":\n"                                       \
            ".incbin \"" path "\"\n" #name "_end:\n"                                               \
            ".popsection\n");                                                                      \
    extern const char name[] __attribute__((visibility("hidden")));                                \
    extern const char name##_end[] __attribute__((visibility("hidden")))

INCLUDE_FILE(page_html, "common/ops/page.html");
INCLUDE_FILE(page_css, "common/ops/page.css");
INCLUDE_FILE(page_js, "common/ops/page.js");

const char *page_find(const char *path, const char **type, size_t *len)
{
    static const struct {
        const char *path, *type, *begin, *end;
    } files[] = {{"/", "text/html; charset=utf-8", page_html, page_html_end},
                 {"/page.css", "text/css; charset=utf-8", page_css, page_css_end},
                 {"/page.js", "text/javascript; charset=utf-8", page_js, page_js_end}};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(path, files[i].path) == 0) {
            *type = files[i].type;
            *len = (size_t)(files[i].end - files[i].begin);
            return files[i].begin;
        }
    return NULL;
}
