/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int file_write(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

const char *file_work_folder(void)
{
    const char *work = getenv("TMPDIR");

    return work != NULL && *work != '\0' ? work : "/tmp";
}
