/* Counts how often a process closes a number that is not open; preloaded into a test's child. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

static int second_closes;

int close(int number)
{
    static int (*system_close)(int);
    if (!system_close)
        system_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
    int result = system_close(number);
    if (result == -1 && errno == EBADF && number >= 0) {
        __atomic_add_fetch(&second_closes, 1, __ATOMIC_RELAXED);
        errno = EBADF;
    }
    return result;
}

int ringback_second_closes(void)
{
    return __atomic_load_n(&second_closes, __ATOMIC_RELAXED);
}
