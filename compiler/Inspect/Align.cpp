// Pairs the layers of two networks.
#include "compiler/Inspect/Diff.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <algorithm>

using namespace kinema;
using namespace kinema::inspect;

using Numbers = std::vector<size_t>;
using Pairs = std::vector<std::pair<size_t, size_t>>;

/// Returns the pairs of layers of one name, in the order of A.
static Pairs pairsOfOneName(const LayerTable &a, const LayerTable &b) {
  llvm::StringMap<size_t> numbers;
  for (auto [number, layer] : llvm::enumerate(b.layers))
    numbers.try_emplace(layer.name, number);
  Pairs pairs;
  for (auto [number, layer] : llvm::enumerate(a.layers))
    if (auto other = numbers.find(layer.name); other != numbers.end())
      pairs.emplace_back(number, other->second);
  return pairs;
}

/// Returns the longest part of the pairs that is in the order of both networks.
static Pairs inOrder(const Pairs &pairs) {
  Numbers tails;                                           // the last pair of the best part of each length
  std::vector<std::optional<size_t>> before(pairs.size()); // the pair before it in that part
  for (size_t i = 0; i < pairs.size(); ++i) {
    auto place =
        std::ranges::lower_bound(tails, pairs[i].second, {}, [&](size_t tail) { return pairs[tail].second; });
    if (place != tails.begin())
      before[i] = *std::prev(place);
    if (place == tails.end())
      tails.push_back(i);
    else
      *place = i;
  }
  Pairs part;
  for (std::optional<size_t> i = tails.empty() ? std::nullopt : std::optional(tails.back()); i;
       i = before[*i])
    part.push_back(pairs[*i]);
  std::ranges::reverse(part);
  return part;
}

/// Returns how much two layers are the same thing; 0 where they do not take each other's place.
static int likeness(const Layer &a, const Layer &b) {
  auto sameOperations = llvm::equal(a.parts, b.parts, [](const LayerPart &one, const LayerPart &other) {
    return one.op == other.op && one.kernel == other.kernel;
  });
  if (a.kind != b.kind && !sameOperations)
    return 0;
  const bool sameShapes = a.out == b.out && a.in == b.in && a.parameters == b.parameters;
  return 1 + 2 * sameOperations + 4 * sameShapes;
}

/// Pairs layers that stand between two pairs so that the sum of what they have in common is the largest.
static Pairs alignLikeness(const LayerTable &a, const LayerTable &b, const Numbers &as, const Numbers &bs) {
  std::vector<std::vector<int>> best(as.size() + 1, std::vector<int>(bs.size() + 1)); // from there to the end
  for (size_t i = as.size(); i-- > 0;)
    for (size_t j = bs.size(); j-- > 0;) {
      const int alike = likeness(a.layers[as[i]], b.layers[bs[j]]);
      best[i][j] = std::max({best[i + 1][j], best[i][j + 1], alike ? alike + best[i + 1][j + 1] : 0});
    }
  Pairs pairs;
  for (size_t i = 0, j = 0; i < as.size() && j < bs.size();) {
    const int alike = likeness(a.layers[as[i]], b.layers[bs[j]]);
    if (alike && best[i][j] == alike + best[i + 1][j + 1])
      pairs.emplace_back(as[i++], bs[j++]);
    else if (best[i][j] == best[i + 1][j])
      ++i;
    else
      ++j;
  }
  return pairs;
}

namespace {

/// Collects the pairs of two networks in order.
class Alignment {
public:
  Alignment(const LayerTable &a, const LayerTable &b)
      : a(a), b(b), ofA(a.layers.size()), isPaired(b.layers.size()) {}

  std::vector<LayerPair> align() {
    const Pairs named = pairsOfOneName(a, b);
    for (auto [i, j] : named)
      pair(i, j);
    size_t i = 0, j = 0;
    Pairs anchors = inOrder(named);
    anchors.emplace_back(a.layers.size(), b.layers.size());
    for (auto [nextA, nextB] : anchors) {
      alignGap(i, nextA, j, nextB);
      i = nextA;
      j = nextB;
    }
    return inOrderOfBoth();
  }

private:
  void pair(size_t i, size_t j) {
    ofA[i] = j;
    isPaired[j] = true;
  }

  /// Pairs what has no pair of its name yet from i to nextA in A and from j to nextB in B.
  void alignGap(size_t i, size_t nextA, size_t j, size_t nextB) {
    Numbers as, bs;
    for (; i < nextA; ++i)
      if (!ofA[i])
        as.push_back(i);
    for (; j < nextB; ++j)
      if (!isPaired[j])
        bs.push_back(j);
    for (auto [one, other] : alignLikeness(a, b, as, bs))
      pair(one, other);
  }

  /// Lists A's layers with their pairs, and before each that is at its place in B what B alone has there.
  std::vector<LayerPair> inOrderOfBoth() const {
    std::vector<LayerPair> pairs;
    size_t next = 0; // of B
    auto listAlone = [&](size_t end) {
      for (; next < end; ++next)
        if (!isPaired[next])
          pairs.push_back({std::nullopt, next});
    };
    for (size_t i = 0; i < ofA.size(); ++i) {
      if (ofA[i] && *ofA[i] >= next)
        listAlone(*ofA[i]);
      pairs.push_back({i, ofA[i]});
    }
    listAlone(isPaired.size());
    return pairs;
  }

  const LayerTable &a, &b;
  std::vector<std::optional<size_t>> ofA; // the layer of B that A's is paired with
  std::vector<bool> isPaired;             // each of B's
};

} // namespace

std::vector<LayerPair> inspect::align(const LayerTable &a, const LayerTable &b) {
  return Alignment(a, b).align();
}
