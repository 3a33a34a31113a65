// Names of the attributes that modules and functions carry beside those of the operations; the clip dialect
// verifies them.
#ifndef KINEMA_DIALECTS_CLIP_ATTRIBUTES_H
#define KINEMA_DIALECTS_CLIP_ATTRIBUTES_H

namespace kinema::clip {

/// Of a module: what the network is (name, digest, batch, classes, inputs), a dictionary; its layers as the
/// author wrote them, a list of dictionaries; the recipe, a dictionary of sections.
inline constexpr char networkAttribute[] = "clip.network", layersAttribute[] = "clip.layers",
                      recipeAttribute[] = "clip.recipe";
/// Of a function's arguments and results: the name, a string; of an argument that is an input of the network:
/// its kind, a string.
inline constexpr char nameAttribute[] = "clip.name", inputAttribute[] = "clip.input";

} // namespace kinema::clip

#endif
