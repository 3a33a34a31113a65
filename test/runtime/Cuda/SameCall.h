// Compares the calls of a library, as the runtime declares them, with those of the library's own header.
#pragma once

#include <type_traits>

namespace kinema::test {

// CUDA's enumerations and the runtime's integers pass alike; so do pointers to whatever.
template <typename T> struct Plain {
  using Type = T;
};
template <typename T>
  requires std::is_enum_v<T>
struct Plain<T> {
  using Type = int;
};
template <typename T> struct Plain<T *> {
  using Type = std::conditional_t<std::is_const_v<T>, const void *, void *>;
};

template <typename Ours, typename Theirs> constexpr bool passesAlike() {
  using A = typename Plain<Ours>::Type;
  using B = typename Plain<Theirs>::Type;
  return std::is_same_v<A, B> || (std::is_integral_v<A> && std::is_integral_v<B> && sizeof(A) == sizeof(B)) ||
         (std::is_class_v<A> && std::is_class_v<B> && sizeof(A) == sizeof(B));
}

template <typename Ours, typename Theirs> struct SameCall : std::false_type {};
template <typename R, typename... A, typename S, typename... B> struct SameCall<R (*)(A...), S (*)(B...)> {
  static constexpr bool parameters() {
    if constexpr (sizeof...(A) == sizeof...(B))
      return passesAlike<R, S>() && (passesAlike<A, B>() && ...);
    return false;
  }
  static constexpr bool value = parameters();
};

} // namespace kinema::test
