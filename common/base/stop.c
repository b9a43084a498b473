/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stop.h"

#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked; /* on the monotonic clock */
static atomic_bool requested;
static pthread_t signals;

static void *signals_main(void *arg)
{
    sigset_t set, none;
    int number;

    (void)arg;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &number);
    stop_request();
    /* Only this thread lets a second signal through, and its action is the default: the end. */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    for (;;)
        sigsuspend(&none);
    return NULL;
}

void stop_init(void)
{
    pthread_condattr_t attr;
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&asked, &attr);
    pthread_condattr_destroy(&attr);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&signals, NULL, signals_main, NULL) != 0) {
        fprintf(stderr, "cannot start the thread that waits for signals\n");
        abort();
    }
}

void stop_fini(void)
{
    pthread_cancel(signals); /* it only ever waits for signals */
    pthread_join(signals, NULL);
}

void stop_request(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&requested, true);
    pthread_cond_broadcast(&asked);
    pthread_mutex_unlock(&lock);
}

bool stop_requested(void)
{
    return atomic_load(&requested);
}

bool stop_wait(int64_t wait_ms)
{
    struct timespec until = clock_deadline(wait_ms);
    int rc = 0;

    pthread_mutex_lock(&lock);
    while (!atomic_load(&requested) && rc == 0)
        rc = pthread_cond_timedwait(&asked, &lock, &until);
    pthread_mutex_unlock(&lock);
    return stop_requested();
}

int stop_check(struct err *err)
{
    if (!stop_requested())
        return 0;
    return err_set(err, ERR_STOPPING, "stopping", "asked to stop");
}
