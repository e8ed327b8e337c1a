/* Loaded before libc: each fsync and fdatasync takes SLOW_SYNC_US microseconds longer, as on a slower disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static long long extra_us(void) {
    const char *set = getenv("SLOW_SYNC_US");
    return set ? atoll(set) : 0;
}

static int slowly(const char *name, int fd) {
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    long long us = extra_us();
    struct timespec rest = {us / 1000000, us % 1000000 * 1000};
    int result = sync(fd);
    while (nanosleep(&rest, &rest) != 0) {
    }
    return result;
}

int fsync(int fd) { return slowly("fsync", fd); }

int fdatasync(int fd) { return slowly("fdatasync", fd); }
