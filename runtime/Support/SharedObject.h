// Loads machine code from a package.
#pragma once

#include <string>
#include <string_view>

namespace kinema {

// A SharedObject is a shared object that was loaded from memory. All functions throw Error.
class SharedObject {
public:
  SharedObject() = default;
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;
  ~SharedObject();

  // `content` is the bytes of the object's file, which need not outlive the call; messages call it `name`.
  void load(std::string_view content, const std::string &name);
  // Returns the address of an exported symbol; throws Error where there is none.
  void *find(const std::string &symbol) const;

private:
  // The descriptor stays open: the loader takes two objects for one if they were opened under the same name,
  // and the name contains the descriptor's number.
  int descriptor = -1;
  void *handle = nullptr;
};

} // namespace kinema
