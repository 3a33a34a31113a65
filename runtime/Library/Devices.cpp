// Lists devices for the library.
#include "runtime/Device/DeviceList.h"
#include "runtime/Library/Guard.h"

#include <memory>

using namespace kinema;
using namespace kinema::library;

struct kinema_devices {
  std::vector<ListedDevice> all;
};

kinema_error *kinema_devices_list(kinema_devices **devices) {
  return guarded([&] {
    require(devices, "devices");
    *devices = new kinema_devices{listDevices()};
  });
}

int64_t kinema_devices_count(const kinema_devices *devices) {
  return devices ? static_cast<int64_t>(devices->all.size()) : 0;
}

static bool has(const kinema_devices *devices, int64_t number) {
  return number >= 0 && number < kinema_devices_count(devices);
}

const char *kinema_devices_name(const kinema_devices *devices, int64_t number) {
  return has(devices, number) ? devices->all[number].name.c_str() : nullptr;
}

const char *kinema_devices_description(const kinema_devices *devices, int64_t number) {
  return has(devices, number) ? devices->all[number].description.c_str() : nullptr;
}

void kinema_devices_free(kinema_devices *devices) { delete devices; }
