// Registers dialects, passes and pipelines. This is the only place that does: every tool that reads MLIR
// starts here.
#ifndef KINEMA_COMPILER_PIPELINES_REGISTER_H
#define KINEMA_COMPILER_PIPELINES_REGISTER_H

namespace mlir {
class DialectRegistry;
}

namespace kinema {

/// Registers Kinema's dialects, and all of upstream's with the extensions and interfaces that lowering them
/// needs.
void registerAllKinema(mlir::DialectRegistry &registry);

/// Registers Kinema's passes and pipelines, for `--pass-pipeline` and reproducers.
void registerKinemaPasses();

} // namespace kinema

#endif
