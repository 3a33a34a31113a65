// Packs bytes so that a page or a picture can hold them.
#pragma once

#include <string>
#include <string_view>

namespace kinema {

// Returns the bytes compressed as zlib does, which browsers read as "deflate".
std::string deflated(std::string_view bytes);

// Returns the bytes in base64.
std::string base64(std::string_view bytes);

// Returns the address by which a page names bytes that it holds itself: "data:TYPE;base64,...".
std::string dataAddress(std::string_view type, std::string_view bytes);

} // namespace kinema
