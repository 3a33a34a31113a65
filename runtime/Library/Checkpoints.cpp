// Keeps and brings back all that a training needs to go on.
#include "runtime/Library/Sessions.h"
#include "runtime/Training/Checkpoint.h"

using namespace kinema;
using namespace kinema::library;

kinema_error *kinema_session_set_step(kinema_session *session, int64_t number) {
  return withSession(session, [&] {
    session->requireTraining();
    if (number < 0)
      refuse("{} is the number of no step: they count from 0", number);
    session->steps = number;
  });
}

kinema_error *kinema_session_save_checkpoint(kinema_session *session, const char *path, int64_t epoch,
                                             int64_t batch) {
  return withSession(session, [&] {
    require(path, "path");
    const Manifest &manifest = session->requireTraining();
    session->requireParameters();
    if (epoch < 0 || batch < 0)
      refuse("there is no batch {} of epoch {}: both count from 0", batch, epoch);
    Checkpoint checkpoint;
    checkpoint.state.epoch = epoch;
    checkpoint.state.batch = batch;
    checkpoint.state.count = session->count;
    checkpoint.recipe = manifest.recipe;
    checkpoint.origin.network = manifest.network;
    checkpoint.classes = session->classes;
    saveCheckpoint(*session->program, checkpoint, path);
  });
}

kinema_error *kinema_session_load_checkpoint(kinema_session *session, const char *path, int64_t *epoch,
                                             int64_t *batch) {
  return withSession(session, [&] {
    require(path, "path");
    require(epoch, "epoch");
    require(batch, "batch");
    session->requireTraining();
    session->prepared = false;
    session->lastEntry.clear();
    Checkpoint checkpoint = loadCheckpoint(*session->program, path);
    session->haveWeights(std::move(checkpoint.classes));
    session->count = checkpoint.state.count;
    *epoch = checkpoint.state.epoch;
    *batch = checkpoint.state.batch;
  });
}
