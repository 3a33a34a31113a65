// Ends a command whose complaint has been printed already.
#pragma once

namespace kinema {

struct Exit {
  int status;
};

} // namespace kinema
