#include "compiler/Target/Common/Window.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

SourcePosition reference::sourceOf(KernelEmitter &e, const shape::Window &window, bool forward,
                                   RankedTensorType source, ArrayRef<Value> result, ArrayRef<Value> tap) {
  SourcePosition position;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t stride = window.stride[axis], size = source.getDimSize(axis + 2);
    Value shift = e.sub(e.mul(tap[axis], window.dilation[axis]), e.index(window.padLow[axis]));
    Value inside, at;
    if (forward) {
      at = e.add(e.mul(result[axis], stride), shift);
      inside = e.inRange(at, size);
    } else {
      Value scaled = e.sub(result[axis], shift);
      at = e.div(scaled, stride);
      inside = e.inRange(scaled, size * stride);
      if (stride > 1)
        inside = e.both(inside, e.equal(e.rem(scaled, stride), 0));
    }
    position.coordinates[axis] = at;
    position.inside = position.inside ? e.both(position.inside, inside) : inside;
  }
  return position;
}

Value reference::forEachTap(KernelEmitter &e, const shape::Window &window, Value init,
                            function_ref<Value(ArrayRef<Value>, Value)> body) {
  auto axis = [&](int64_t size, Value init, function_ref<Value(Value, Value)> inner) {
    if (size == 1)
      return inner(e.index(0), init);
    return e.loop(e.index(0), e.index(size), 1, init,
                  [&](Value k, ValueRange state) { return SmallVector<Value>{inner(k, state[0])}; })[0];
  };
  return axis(window.kernel[0], init, [&](Value t, Value init) {
    return axis(window.kernel[1], init, [&](Value h, Value init) {
      return axis(window.kernel[2], init, [&](Value w, Value init) { return body({t, h, w}, init); });
    });
  });
}

ClippedWindow reference::clipWindow(KernelEmitter &e, const shape::Window &window, RankedTensorType source,
                                    ValueRange result) {
  ClippedWindow clipped;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t dilation = window.dilation[axis], pad = window.padLow[axis], size = source.getDimSize(axis + 2);
    Value start = e.mul(result[axis], window.stride[axis]); // source elements, including the padding
    Value before = e.max(e.sub(e.index(pad), start), e.index(0));
    Value inside = e.max(e.sub(e.index(size + pad), start), e.index(0));
    clipped.first.push_back(e.div(e.add(before, dilation - 1), dilation));
    clipped.end.push_back(e.min(e.div(e.add(inside, dilation - 1), dilation), e.index(window.kernel[axis])));
    clipped.origin.push_back(e.sub(start, e.index(pad)));
  }
  return clipped;
}

SmallVector<Value> reference::forEachInWindow(
    KernelEmitter &e, const shape::Window &window, RankedTensorType source, ValueRange result,
    ValueRange init, function_ref<SmallVector<Value>(ArrayRef<Value>, ArrayRef<Value>, ValueRange)> body) {
  ClippedWindow clipped = clipWindow(e, window, source, result);
  auto axis = [&](int i, ValueRange init, function_ref<SmallVector<Value>(Value, Value, ValueRange)> inner) {
    return e.loop(clipped.first[i], clipped.end[i], 1, init, [&](Value k, ValueRange state) {
      return inner(e.add(clipped.origin[i], e.mul(k, window.dilation[i])), k, state);
    });
  };
  return axis(0, init, [&](Value t, Value i, ValueRange init) {
    return axis(1, init, [&](Value h, Value j, ValueRange init) {
      return axis(2, init,
                  [&](Value w, Value k, ValueRange init) { return body({t, h, w}, {i, j, k}, init); });
    });
  });
}
