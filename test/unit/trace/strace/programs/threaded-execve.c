/* A thread that is not the leader executes the program again, as often as told, while the leader is busy. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char **arguments;
static pthread_barrier_t both;

static void *execute(void *unused) {
  char rest[16];
  snprintf(rest, sizeof rest, "%d", atoi(arguments[1]) - 1);
  char *next[] = {arguments[0], rest, NULL};
  pthread_barrier_wait(&both);
  syscall(SYS_execve, arguments[0], next, NULL);
  return unused;
}

int main(int count, char **values) {
  if (count < 2 || atoi(values[1]) == 0) return 0;
  arguments = values;
  pthread_t thread;
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&thread, NULL, execute, NULL);
  pthread_barrier_wait(&both);
  for (;;) access("/nowhere", F_OK);
}
