#include "runtime/Ranks/MpiLibrary.h"

#include "runtime/Support/Error.h"

#include <fmt/ranges.h>

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace kinema {
namespace {

constexpr const char *variable = "KINEMA_MPI_LIBRARY";

[[noreturn]] void failFinding(const std::string &reasons) {
  fail("the ranks of a training meet through MPI, whose library cannot be opened: {}; install it (Debian: "
       "openmpi-bin), or name its file in {}",
       reasons, variable);
}

std::vector<std::string> places() {
  if (const char *named = std::getenv(variable))
    return {named};
  return {"libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi.so"};
}

// Opens the library, which stays open. Its own plug-ins look for its symbols among those of all.
void *open(std::string &file) {
  std::vector<std::string> reasons;
  for (const std::string &place : places()) {
    file = place;
    if (void *handle = dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL))
      return handle;
    reasons.emplace_back(dlerror());
  }
  failFinding(fmt::format("{}", fmt::join(reasons, "; ")));
}

template <typename Function> void find(void *handle, const char *name, Function &function) {
  void *address = dlsym(handle, name);
  if (!address)
    failFinding(fmt::format("it has no function {}", name));
  function = reinterpret_cast<Function>(address);
}

MpiLibrary openLibrary() {
  MpiLibrary library{};
  void *handle = open(library.file);
  find(handle, "MPI_Init_thread", library.initThread);
  find(handle, "MPI_Finalize", library.finalize);
  find(handle, "MPI_Comm_rank", library.commRank);
  find(handle, "MPI_Comm_size", library.commSize);
  find(handle, "MPI_Ialltoall", library.alltoall);
  find(handle, "MPI_Iallgather", library.allgather);
  find(handle, "MPI_Test", library.test);
  find(handle, "MPI_Abort", library.abort);
  if (void *world = dlsym(handle, "ompi_mpi_comm_world")) {
    library.world = world;
    find(handle, "ompi_mpi_byte", library.byte);
    library.ignoredStatus = nullptr;
  } else { // mpi.h of MPICH: MPI_COMM_WORLD, MPI_BYTE, MPI_STATUS_IGNORE
    library.world = reinterpret_cast<void *>(uintptr_t{0x44000000});
    library.byte = reinterpret_cast<void *>(uintptr_t{0x4c00010d});
    library.ignoredStatus = reinterpret_cast<void *>(uintptr_t{1});
  }
  return library;
}

} // namespace

const MpiLibrary &mpiLibrary() {
  static const MpiLibrary opened = openLibrary();
  return opened;
}

} // namespace kinema
