/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_PAGE_H
#define CYPHERLOG_OPS_PAGE_H

/* ops/page.h: the files of the page for people, which lie in the program itself: page.html,
 * page.css and page.js. Pure. */

#include <stddef.h>

/* A browser that obeys it loads nothing from elsewhere, sends nothing elsewhere, and runs no script
 * but page.js, whatever a status holds. */
#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* The file at path ("/", "/page.css", "/page.js"), *len bytes of *type; NULL: there is none. */
const char *page_find(const char *path, const char **type, size_t *len);

#endif
