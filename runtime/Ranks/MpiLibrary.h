// Opens the MPI library of this machine at run time, so that programs run where there is none. The two ABIs
// in use are Open MPI's, whose handles are addresses of the library's objects, and the one that MPICH, Intel
// MPI and MVAPICH share (https://www.mpich.org/abi/), whose handles are numbers.
#pragma once

#include <cstdint>
#include <string>

namespace kinema {

// The functions of MPI that ranks call (MPI-3.1, chapters 3, 5 and 8). Handles of both ABIs fit into a
// pointer and are passed in the same registers.
struct MpiLibrary {
  using Handle = void *;
  using Request = void *; // an int of MPICH's ABI lies in its first bytes

  int (*initThread)(int *, char ***, int, int *);
  int (*finalize)();
  int (*commRank)(Handle, int *);
  int (*commSize)(Handle, int *);
  int (*alltoall)(const void *, int, Handle, void *, int, Handle, Handle, Request *);
  int (*allgather)(const void *, int, Handle, void *, int, Handle, Handle, Request *);
  int (*test)(Request *, int *, void *);
  int (*abort)(Handle, int);
  Handle world, byte;
  void *ignoredStatus;
  std::string file; // as it was opened
};

// Returns the library. Throws Error where none can be opened, saying what was tried: the file that
// KINEMA_MPI_LIBRARY names or, where that is not set, those of Open MPI and of MPICH in the library path.
const MpiLibrary &mpiLibrary();

} // namespace kinema
