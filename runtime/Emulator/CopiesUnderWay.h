// Keeps the copies of a cluster that have not landed, and the arrivals at mbarriers that have not either: all
// of them by their age, and those that a thread can wait for. Thousands may be under way at a time, so adding
// and taking one takes no longer the more there are of other threads.
#pragma once

#include "runtime/Emulator/MBarriers.h"

#include <array>
#include <optional>
#include <vector>

namespace kinema::emulator {

struct Copy {
  enum class Kind : uint8_t {
    Async,
    AsyncArrive,
    BulkLoad,
    BulkStore,
    TensorLoad,
    TensorStore,
    ProductsArrive // the arrival that follows a thread's products in tensor memory
  };
  Kind kind = Kind::Async;
  uint8_t coordinateCount = 0, offsetCount = 0;
  int thread = 0;
  uint32_t site = noSite;
  // This is the time of the thread's copies, for Async, BulkStore and TensorStore, or of what an arrival
  // follows.
  uint32_t time = 0;
  MBarriers::Phase phase;
  uint32_t shared = 0;         // address in the cluster
  Clock *handedOn = nullptr;   // what the arrival that follows products hands on; null: of another kind
  std::byte *global = nullptr; // global address; for TensorLoad and TensorStore that of the map
  uint32_t bytes = 0, sourceBytes = 0;
  std::array<int32_t, 5> coordinates = {};
  std::array<int32_t, 3> offsets = {};

  bool countsBytes() const { return kind == Kind::BulkLoad || kind == Kind::TensorLoad; }
  bool isStore() const { return kind == Kind::BulkStore || kind == Kind::TensorStore; }
};

class CopiesUnderWay {
public:
  // Names a copy until it is taken.
  using Place = uint32_t;

  // Forgets all copies, and prepares for those of so many threads.
  void reset(size_t threads);

  Place add(const Copy &copy);
  // Removes a copy and returns it.
  Copy take(Place place);

  bool empty() const { return places.empty(); }
  size_t size() const { return places.size(); }
  Place oldest() const { return first; } // where there is one
  // Returns a copy by a number below size(). The order of the numbers says nothing.
  Place operator[](size_t number) const { return places[number]; }
  // Returns the oldest of a thread's cp.async, or of its stores to global memory, if it is of this time or an
  // earlier one.
  std::optional<Place> ofThread(int thread, bool stores, uint32_t time) const;

  template <typename Function> void forAll(Function function) const {
    for (Place place = first; place != none; place = slots[place].younger)
      function(slots[place].copy);
  }

private:
  static constexpr Place none = 0xFFFFFFFF;

  // A Slot holds a copy, or waits for one.
  struct Slot {
    Copy copy;
    Place older = none, younger = none;
    uint32_t number = 0; // its index in `places`
  };

  // Returns the list in which a thread waits for the copy; null where it waits for none of this kind.
  std::vector<Place> *listOf(const Copy &copy);

  std::vector<Slot> slots;
  std::vector<Place> idle;
  std::vector<Place> places; // those that hold a copy
  Place first = none, last = none;
  // These hold each thread's copies by age, and so by time.
  std::vector<std::vector<Place>> asyncs, stores;
};

} // namespace kinema::emulator
