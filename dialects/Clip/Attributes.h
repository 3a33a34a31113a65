// Names the attributes that modules and functions carry beside those of the operations; the clip dialect
// verifies them.
#ifndef KINEMA_DIALECTS_CLIP_ATTRIBUTES_H
#define KINEMA_DIALECTS_CLIP_ATTRIBUTES_H

namespace kinema::clip {

/// A module has these attributes: what the network is (name, digest, batch, classes, inputs), as a
/// dictionary; its layers as the author wrote them, as a list of dictionaries; the recipe, as a dictionary of
/// sections.
inline constexpr char networkAttribute[] = "clip.network", layersAttribute[] = "clip.layers",
                      recipeAttribute[] = "clip.recipe";
/// A module may name the layers whose features its inference gives beside the scores, as a list of strings.
inline constexpr char featuresAttribute[] = "clip.features";
/// A module may say that several processes train its network together. Its training step then ends with the
/// gradients, which they add up among them, and @update goes on from there.
inline constexpr char distributedAttribute[] = "clip.distributed";
/// A module may say that a step is told by what to multiply its loss, so that gradients are within the range
/// of the numbers that they are stored as. It then adds gradients up in states, of which the scale is taken
/// out again, leaves parameters as they are where the gradients' norm is not finite, and returns this norm.
inline constexpr char scaledLossAttribute[] = "clip.scaled_loss", gradientNormResult[] = "gradient_norm";
/// A function's arguments and results have a name, as a string; an argument that is an input of the network
/// also has its kind, as a string, and a result that is features has the name of their layer, as a string.
inline constexpr char nameAttribute[] = "clip.name", inputAttribute[] = "clip.input",
                      layerAttribute[] = "clip.layer";

} // namespace kinema::clip

#endif
