// Machine code from a package.
#pragma once

#include <string>
#include <string_view>

namespace kinema {

// A shared object loaded from memory. All functions throw Error.
class SharedObject {
public:
  SharedObject() = default;
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;
  ~SharedObject();

  // content: of the file; need not outlive the call. name: for messages.
  void load(std::string_view content, const std::string &name);
  // The address of an exported symbol; Error where there is none.
  void *find(const std::string &symbol) const;

private:
  // Stays open: the loader takes two objects for one if they were opened under the same name, and the name
  // holds the descriptor's number.
  int descriptor = -1;
  void *handle = nullptr;
};

} // namespace kinema
