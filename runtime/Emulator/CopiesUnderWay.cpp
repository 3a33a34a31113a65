#include "runtime/Emulator/CopiesUnderWay.h"

#include <algorithm>

using namespace kinema::emulator;

static void clearAll(std::vector<std::vector<CopiesUnderWay::Place>> &lists, size_t count) {
  lists.resize(count);
  for (auto &list : lists)
    list.clear();
}

void CopiesUnderWay::reset(size_t threads) {
  slots.clear();
  idle.clear();
  places.clear();
  first = last = none;
  clearAll(asyncs, threads);
  clearAll(stores, threads);
}

std::vector<CopiesUnderWay::Place> *CopiesUnderWay::listOf(const Copy &copy) {
  if (copy.isStore())
    return &stores[copy.thread];
  return copy.kind == Copy::Kind::Async ? &asyncs[copy.thread] : nullptr;
}

CopiesUnderWay::Place CopiesUnderWay::add(const Copy &copy) {
  if (idle.empty()) {
    idle.push_back(Place(slots.size()));
    slots.emplace_back();
  }
  Place place = idle.back();
  idle.pop_back();
  slots[place] = {copy, last, none, uint32_t(places.size())};
  (last == none ? first : slots[last].younger) = place;
  last = place;
  places.push_back(place);
  if (auto *list = listOf(copy))
    list->push_back(place);
  return place;
}

Copy CopiesUnderWay::take(Place place) {
  const Slot slot = slots[place];
  (slot.older == none ? first : slots[slot.older].younger) = slot.younger;
  (slot.younger == none ? last : slots[slot.younger].older) = slot.older;
  places[slot.number] = places.back();
  slots[places.back()].number = slot.number;
  places.pop_back();
  idle.push_back(place);
  if (auto *list = listOf(slot.copy))
    list->erase(std::ranges::find(*list, place));
  return slot.copy;
}

std::optional<CopiesUnderWay::Place> CopiesUnderWay::ofThread(int thread, bool ofStores,
                                                              uint32_t time) const {
  const std::vector<Place> &list = (ofStores ? stores : asyncs)[thread];
  if (list.empty() || slots[list.front()].copy.time > time)
    return std::nullopt;
  return list.front();
}
