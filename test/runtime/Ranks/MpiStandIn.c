// Stands in for an MPI library of MPICH's ABI, to tests: its process is one of two ranks that say the same. The
// environment variable KINEMA_STANDIN_MPI names what goes wrong: init, count, gather, exchange, test; or differ, with
// which the other rank's digests differ from this one's.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { world = 0x44000000, byte = 0x4c00010d, ranks = 2 };

static int goesWrong(const char *what) {
  const char *name = getenv("KINEMA_STANDIN_MPI");
  return name && strcmp(name, what) == 0;
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  *provided = required;
  return goesWrong("init");
}
int MPI_Finalize(void) { return 0; }
int MPI_Comm_rank(int comm, int *rank) {
  *rank = 0;
  return comm != world;
}
int MPI_Comm_size(int comm, int *size) {
  *size = goesWrong("count") ? 3 : ranks;
  return comm != world;
}
int MPI_Ialltoall(const char *from, int count, int type, char *to, int received, int into, int comm, int *request) {
  *request = 1;
  for (int i = 0; i < ranks; ++i)
    memcpy(to + (size_t)i * (size_t)count, from, (size_t)count);
  return goesWrong("exchange") || comm != world || type != byte || into != byte || received != count;
}
int MPI_Iallgather(const char *from, int count, int type, char *to, int received, int into, int comm, int *request) {
  const int digest = 16; // letters of a digest's text
  *request = 1;
  for (int i = 0; i < ranks; ++i)
    memcpy(to + (size_t)i * (size_t)count, from, (size_t)count);
  if (goesWrong("differ") && count == digest)
    to[count] ^= 1;
  return goesWrong("gather") || comm != world || type != byte || into != byte || received != count;
}
int MPI_Test(int *request, int *flag, int *status) {
  *flag = 1;
  return goesWrong("test") || *request != 1 || status != (int *)(uintptr_t)1;
}
int MPI_Abort(int comm, int status) {
  (void)comm;
  exit(status);
}
