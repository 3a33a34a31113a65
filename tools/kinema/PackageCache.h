// Keeps the packages that commands on a spec compile, so that the next command on the same spec need not
// compile it again.
#pragma once

#include "compiler/Pipelines/Compile.h"

#include <optional>
#include <string>

namespace kinema {

/// Returns the folder of this user's caches; empty where there is none.
std::string cacheFolder();

/// Returns the name of what a package is made of: the text of the spec, the network in phase `clip`, the
/// options, the files and the environment that options refer to, and this program itself. Two packages of the
/// same name are the same.
std::string packageKey(Compilation &compilation, const CompileOptions &options);

/// A PackageCache is a folder of packages: $XDG_CACHE_HOME/kinema or $HOME/.cache/kinema. Several processes
/// may use it at a time. It holds 1 GiB, or as many MiB as $KINEMA_CACHE_MIB says; what was not used for the
/// longest time goes first. Where the folder cannot be used, nothing is kept, which is no error.
class PackageCache {
public:
  PackageCache();

  /// Returns the file of a package, if it is there and whole.
  std::optional<std::string> find(const std::string &key) const;
  /// Keeps a package; returns its file.
  std::optional<std::string> add(const std::string &key, const PackageWriter &package) const;

private:
  std::string fileOf(const std::string &key) const { return folder + "/" + key + ".kinema"; }
  void makeRoom() const;

  std::string folder; // empty: nothing is kept
  uint64_t limit;     // bytes
};

} // namespace kinema
