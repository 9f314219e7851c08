/* Answers system calls as file systems do that lack the parts which LACKING names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int lacks(const char *part) {
    const char *lacking = getenv("LACKING");
    return lacking && strstr(lacking, part);
}
static int fails(int number) { errno = number; return -1; }

int flock(int file, int how) {
    static int (*real)(int, int);
    if (!real) real = dlsym(RTLD_NEXT, "flock");
    if (lacks("flock-enolck")) return fails(ENOLCK);
    if (lacks("flock-eopnotsupp")) return fails(EOPNOTSUPP);
    return real(file, how);
}
static int locked(const char *name, int file, int command, void *argument) {
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    if ((command == F_SETLK || command == F_SETLKW) && lacks("posix-enolck")) return fails(ENOLCK);
    return real(file, command, argument);
}
#define LOCKING(name) int name(int file, int command, ...) { va_list more; va_start(more, command); \
    void *argument = va_arg(more, void *); va_end(more); return locked(#name, file, command, argument); }
LOCKING(fcntl)
LOCKING(fcntl64)
#define MAPPING(name) void *name(void *where, size_t size, int rights, int how, int file, off_t at) { \
    void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, #name); \
    if (file >= 0 && (how & MAP_SHARED) && (rights & PROT_WRITE) && lacks("shared-memory")) { \
        errno = ENODEV; return MAP_FAILED; } \
    return real(where, size, rights, how, file, at); }
MAPPING(mmap)
MAPPING(mmap64)
int link(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "link");
    return lacks("links") ? fails(EPERM) : real(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int how) {
    int (*real)(int, const char *, int, const char *, int) = dlsym(RTLD_NEXT, "linkat");
    return lacks("links") ? fails(EPERM) : real(a, from, b, to, how);
}
int chmod(const char *path, mode_t mode) {
    int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "chmod");
    if (lacks("chmod-eperm")) return fails(EPERM);
    return lacks("modes") ? 0 : real(path, mode);
}
static int opened(int answer, struct stat *found) {
    if (answer == 0 && lacks("modes") && !S_ISLNK(found->st_mode)) found->st_mode |= 0777;
    return answer;
}
int fstat(int file, struct stat *found) {
    int (*real)(int, struct stat *) = dlsym(RTLD_NEXT, "fstat");
    return opened(real(file, found), found);
}
int stat(const char *path, struct stat *found) {
    int (*real)(const char *, struct stat *) = dlsym(RTLD_NEXT, "stat");
    return opened(real(path, found), found);
}
int fstatat(int at, const char *path, struct stat *found, int how) {
    int (*real)(int, const char *, struct stat *, int) = dlsym(RTLD_NEXT, "fstatat");
    return opened(real(at, path, found, how), found);
}
