// The one place where dialects, passes and pipelines are registered: every tool that reads MLIR starts here.
#ifndef KINEMA_COMPILER_PIPELINES_REGISTER_H
#define KINEMA_COMPILER_PIPELINES_REGISTER_H

namespace mlir {
class DialectRegistry;
}

namespace kinema {

/// Kinema's dialects, and all of upstream's with the extensions and interfaces that their lowerings need.
void registerAllKinema(mlir::DialectRegistry &registry);

/// Kinema's passes and pipelines, for `--pass-pipeline` and reproducers.
void registerKinemaPasses();

} // namespace kinema

#endif
