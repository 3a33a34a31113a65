// The logarithm of probabilities, of which the loss of a network that ends in probabilities is taken.
#ifndef KINEMA_DIALECTS_CLIP_CLIPLOGOPS
#define KINEMA_DIALECTS_CLIP_CLIPLOGOPS

include "dialects/Clip/ClipOps.td"

def LogOp : UnaryOp<"log", [Pointwise]> {
  let summary = "log(max(x, 2^-100)), the logarithm of a probability";
  let description = [{
    A probability of zero, which a softmax gives where scores are far apart, has a finite logarithm, -69.3, and a finite
    gradient. The bound is large enough for the gradient to stay finite when a loss weighs classes or clips.
  }];
}
def LogGradOp : InferredClipOp<"log_grad", [Pointwise]> {
  let summary = "g / max(x, 2^-100), with x the logarithm's operand";
  let arguments = (ins Activation:$g, Activation:$x);
  let results = (outs Activation:$result);
}

#endif
