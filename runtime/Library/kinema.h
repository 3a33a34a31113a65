// Kinema as a library: runs, trains and feeds compiled networks from C, C++ and whatever calls C.
//
//   kinema_package *package;
//   kinema_session *session;
//   kinema_error *error = kinema_package_open("network.kinema", &package);
//   if (!error)
//     error = kinema_session_open(package, NULL, 0, &session);
//
// Errors are values. A function that can fail returns NULL where it did what it says, and else an error,
// which the caller frees. It then has changed nothing unless it says so, and its results are not written. No
// function throws an exception, ends the process, prints, or installs a signal handler. A NULL where none is
// allowed is an error like any other.
//
// Handles are made by functions whose last parameter is the handle, and are given back by the function named
// _close or _free, which takes NULL too. A package, a session and a loader of clips may be closed in any
// order: what one still needs of the other stays. Texts and descriptions of tensors belong to the handle that
// they were asked of, and live as long as it.
//
// Threads. A package is immutable: all threads may use it at once. A session, a loader or an error is used by
// one thread at a time, though not always by the same; what two threads do at once with a session or a loader
// is an error of one of them. Different sessions, also those of one package, run side by side. A session
// computes with threads of its own besides the caller's. Its results do not depend on how many there are.
//
// Numbers. Tensors are row-major and without padding, clips are [N, C, T, H, W]. Every N is the batch that
// the network was compiled for. Pixels are normalised as the recipe says: (value - data.mean) / data.std, of
// values in 0..255.
//
// Trust. A package is a program: to open a session on it runs its machine code with the rights of the
// process. All else that the library reads is checked (docs/security.md).
//
// Stability. Functions and numbers of this header keep their meaning as long as the library is
// libkinema.so.1; newer releases add functions. Each function is exported under the version of the interface
// that it came with (KINEMA_1.0).
#ifndef KINEMA_H
#define KINEMA_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define KINEMA_API __attribute__((visibility("default")))
#define KINEMA_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define KINEMA_API
#define KINEMA_CHECKED
#endif

// In C++ too, any number of an enumeration's type may be handed over, as in C.
#ifdef __cplusplus
#define KINEMA_NUMBERS : int
extern "C" {
#else
#define KINEMA_NUMBERS
#endif

// Errors.

typedef struct kinema_error kinema_error;

// Says what an error is about. Programs may come across further numbers in newer releases.
typedef enum kinema_status KINEMA_NUMBERS {
  KINEMA_OK = 0,
  KINEMA_WORK_FAILED = 1,     // a file, a video, a device or a number is to blame
  KINEMA_ARGUMENTS_WRONG = 2, // the caller is: a wrong argument, or functions in a wrong order
  KINEMA_NO_MEMORY = 3
} kinema_status;

// Returns KINEMA_OK for NULL.
KINEMA_API kinema_status kinema_error_status(const kinema_error *error);
// Returns one line in lower case: what was seen, where, what to do. It is UTF-8 where names of files are, and
// an empty text for NULL.
KINEMA_API const char *kinema_error_message(const kinema_error *error);
KINEMA_API void kinema_error_free(kinema_error *error);

// Returns the release of Kinema, such as "0.1.0".
KINEMA_API const char *kinema_version(void);

// Devices: what sessions can compute on.

typedef struct kinema_devices kinema_devices;

// Lists the CPU and the GPUs that the driver finds at this moment; a machine without a driver has none.
KINEMA_CHECKED kinema_error *kinema_devices_list(kinema_devices **devices);
KINEMA_API int64_t kinema_devices_count(const kinema_devices *devices);
// Returns the name by which kinema_session_open takes it, "cpu" or "cuda:0"; NULL for a number that is none.
KINEMA_API const char *kinema_devices_name(const kinema_devices *devices, int64_t number);
// Returns for people what it is, such as "2 cores, x86-64-v4" or "NVIDIA H100 80GB HBM3, sm_90"; NULL
// likewise.
KINEMA_API const char *kinema_devices_description(const kinema_devices *devices, int64_t number);
KINEMA_API void kinema_devices_free(kinema_devices *devices);

// Packages: networks that `kinema compile` made.

typedef struct kinema_package kinema_package;

// Opens a package file, or a program that carries one (`kinema build`). The file has to stay as it is until
// the package and its sessions are closed.
KINEMA_CHECKED kinema_error *kinema_package_open(const char *path, kinema_package **package);
// Opens a package that lies in memory, of which it makes a copy.
KINEMA_CHECKED kinema_error *kinema_package_open_memory(const void *data, size_t bytes,
                                                        kinema_package **package);
KINEMA_API void kinema_package_close(kinema_package *package);

// These say what the package is. They return NULL or 0 for a package that is NULL, and for a number that is
// none.
KINEMA_API const char *kinema_package_name(const kinema_package *package);
KINEMA_API int64_t kinema_package_batch(const kinema_package *package);
KINEMA_API int64_t kinema_package_classes(const kinema_package *package);
// The machines that it has code for: "x86-64-v3", "sm_90a".
KINEMA_API int64_t kinema_package_target_count(const kinema_package *package);
KINEMA_API const char *kinema_package_target(const kinema_package *package, int64_t number);
// Whether it can do "prepare", "infer", "train_step" or "statistics": 1 or 0.
KINEMA_API int kinema_package_has_entry(const kinema_package *package, const char *entry);
// Whether it carries weights: 1 or 0.
KINEMA_API int kinema_package_has_weights(const kinema_package *package);
// Returns a setting of its recipe as `--set` takes it, such as "[128 171]" for "data.resize"; NULL where
// there is no such setting (docs/language.md has all of them).
KINEMA_API const char *kinema_package_setting(const kinema_package *package, const char *setting);
// The settings that there are, by their names, in alphabetical order.
KINEMA_API int64_t kinema_package_setting_count(const kinema_package *package);
KINEMA_API const char *kinema_package_setting_name(const kinema_package *package, int64_t number);
// Says which learning rate the recipe's schedule has for a step: that of batch number `batch` in the epoch of
// that number, both from 0, where an epoch has `batches`. `train.rate_batch` counts the clips of this
// process's updates.
KINEMA_CHECKED kinema_error *kinema_package_rate(const kinema_package *package, int64_t epoch, int64_t batch,
                                                 int64_t batches, double *rate);

// Descriptions of a network's tensors. They belong to the package, and live as long as it or one of its
// sessions.

typedef struct kinema_tensor kinema_tensor;

typedef enum kinema_kind KINEMA_NUMBERS {
  KINEMA_INPUT = 1,        // clips, [N, C, T, H, W]
  KINEMA_PARAMETER = 2,    // in the shape that it has in files; conv weights are [O, I, T, H, W]
  KINEMA_STATE = 3,        // what updates keep about a parameter, such as "momentum.fc.weight"
  KINEMA_INFER_OUTPUT = 4, // "logits" [N, classes], or "probabilities", and "features.LAYER" [N, C]
  KINEMA_STEP_OUTPUT = 5 // of a training step: "loss" [], "logits", and "grad.NAME" where gradients are kept
} kinema_kind;

typedef enum kinema_type KINEMA_NUMBERS { KINEMA_FLOAT32 = 1, KINEMA_INT32 = 2 } kinema_type;

KINEMA_API int64_t kinema_package_tensor_count(const kinema_package *package, kinema_kind kind);
// Returns the tensor of that number, from 0; NULL where there is none.
KINEMA_API const kinema_tensor *kinema_package_tensor(const kinema_package *package, kinema_kind kind,
                                                      int64_t number);
// Returns the tensor of that name; NULL where there is none.
KINEMA_API const kinema_tensor *kinema_package_find(const kinema_package *package, kinema_kind kind,
                                                    const char *name);
KINEMA_API const char *kinema_tensor_name(const kinema_tensor *tensor);
KINEMA_API kinema_kind kinema_tensor_kind(const kinema_tensor *tensor);
KINEMA_API kinema_type kinema_tensor_type(const kinema_tensor *tensor);
KINEMA_API int64_t kinema_tensor_rank(const kinema_tensor *tensor);
// Returns the sizes of its axes, of which a scalar has none.
KINEMA_API const int64_t *kinema_tensor_shape(const kinema_tensor *tensor);
KINEMA_API int64_t kinema_tensor_elements(const kinema_tensor *tensor);
// Of an input, returns what it is made of: "rgb", "gray" or "flow"; NULL for other tensors.
KINEMA_API const char *kinema_tensor_input_kind(const kinema_tensor *tensor);

// Sessions: a package on a device, with weights.

typedef struct kinema_session kinema_session;

struct DLManagedTensor; // DLPack's, of which more below

// Opens a session. `device` is "auto" (NULL means the same: what the package has the best code for), "cpu",
// "cuda", "cuda:N" or "emulator". `threads` compute on a CPU; 0 means as many as the process may use. All
// memory of the network is taken now: running it takes none.
KINEMA_CHECKED kinema_error *kinema_session_open(const kinema_package *package, const char *device,
                                                 int threads, kinema_session **session);
KINEMA_API void kinema_session_close(kinema_session *session);
// Returns what it computes on, such as "CPU, 2 threads"; NULL for NULL.
KINEMA_API const char *kinema_session_device(const kinema_session *session);

// Weights. Each of the first three sets all parameters; of an error of theirs, some may be set. Files are
// safetensors. `names` is what a file calls its tensors, as `--names` takes it: NULL for the names of the
// spec, "torchvision" and others, or the path of a file of names.

// Initialises all parameters as the spec says, by the seed, and begins training anew.
KINEMA_CHECKED kinema_error *kinema_session_initialise(kinema_session *session, uint64_t seed);
// Loads a file of weights or a checkpoint; NULL means the weights that the package carries.
KINEMA_CHECKED kinema_error *kinema_session_load_weights(kinema_session *session, const char *path,
                                                         const char *names);
// Loads the content of such a file.
KINEMA_CHECKED kinema_error *kinema_session_load_weights_memory(kinema_session *session, const void *data,
                                                                size_t bytes, const char *names);
// Loads the parameters that a file has, under their names and in their shapes, and leaves the others as they
// are: those of a network for other classes, say. `taken` becomes for each parameter, by its number, 1 where
// it was loaded and else 0; there are `count` of them. It is an error where the file has none.
KINEMA_CHECKED kinema_error *kinema_session_load_part(kinema_session *session, const char *path,
                                                      const char *names, uint8_t *taken, int64_t count);
KINEMA_CHECKED kinema_error *kinema_session_load_part_memory(kinema_session *session, const void *data,
                                                             size_t bytes, const char *names, uint8_t *taken,
                                                             int64_t count);
// Writes all parameters to a file, in full or not at all.
KINEMA_CHECKED kinema_error *kinema_session_save_weights(kinema_session *session, const char *path,
                                                         const char *names);
// Makes the content of that file in memory: a tensor of bytes (uint8), [bytes], which its own `deleter`
// frees.
KINEMA_CHECKED kinema_error *kinema_session_save_weights_memory(kinema_session *session, const char *names,
                                                                struct DLManagedTensor **content);
// Returns the name of a class, from the file of weights that was loaded last; NULL where it has none.
KINEMA_API const char *kinema_session_class_name(const kinema_session *session, int64_t label);

// These two copy one tensor, of which `bytes` is the size: 4 for each element. Inputs, parameters and states
// can be written; everything can be read, outputs after the entry whose they are and before another one runs.
KINEMA_CHECKED kinema_error *kinema_session_write(kinema_session *session, const kinema_tensor *tensor,
                                                  const void *values, size_t bytes);
KINEMA_CHECKED kinema_error *kinema_session_read(kinema_session *session, const kinema_tensor *tensor,
                                                 void *values, size_t bytes);

// Runs the network on its inputs as they were written last, all of which must have been. All parameters must
// have been set; what depends on them alone is prepared first where they have changed.
KINEMA_CHECKED kinema_error *kinema_session_infer(kinema_session *session);
// Prepares for `infer` now what the next one would have to, so that it takes no longer than those after it.
KINEMA_CHECKED kinema_error *kinema_session_prepare(kinema_session *session);

// Training. A step computes the loss of the inputs and labels that were written last, and updates the
// parameters as the recipe says. The rate is that of this step; NULL means the recipe's train.rate. The loss
// may be NULL where nobody asks.
KINEMA_CHECKED kinema_error *kinema_session_train_step(kinema_session *session, const double *rate,
                                                       float *loss);
// Says which number the next step has, by which the random numbers of dropouts are drawn. Without it, steps
// count from 0 since the parameters were set; `kinema train` has batch + epoch * batches of an epoch.
KINEMA_CHECKED kinema_error *kinema_session_set_step(kinema_session *session, int64_t number);
// Writes a checkpoint: what a training needs to go on bit for bit with the batch of that number in the epoch
// of that number, both from 0. `kinema train` does not go on with it, since it does not say of which videos.
KINEMA_CHECKED kinema_error *kinema_session_save_checkpoint(kinema_session *session, const char *path,
                                                            int64_t epoch, int64_t batch);
// Loads a checkpoint, which may also be one of `kinema train`; says which batch comes next. Its step is the
// caller's to set.
KINEMA_CHECKED kinema_error *kinema_session_load_checkpoint(kinema_session *session, const char *path,
                                                            int64_t *epoch, int64_t *batch);
// Sets the labels of the clips, of which there are `count` = N: classes from 0; -1 masks a clip.
KINEMA_CHECKED kinema_error *kinema_session_set_labels(kinema_session *session, const int32_t *labels,
                                                       int64_t count);
// Sets how much each class weighs in the loss, [classes]; for a package whose recipe weighs them
// (train.class_weights), before the labels are set.
KINEMA_CHECKED kinema_error *kinema_session_set_class_weights(kinema_session *session, const double *weights,
                                                              int64_t count);
// Sets how true each class is of each clip, [N, classes], `count` numbers; for a package that takes targets
// (docs/package.md).
KINEMA_CHECKED kinema_error *kinema_session_set_truths(kinema_session *session, const float *truths,
                                                       int64_t count);

// DLPack (github.com/dmlc/dlpack), by which frameworks hand tensors over; a program that uses these includes
// its dlpack.h. The structure is that of all its releases, without a version. Tensors lie in the machine's
// memory (kDLCPU).

// Makes a tensor of zeros, which its own `deleter` frees.
KINEMA_CHECKED kinema_error *kinema_allocate(kinema_type type, int64_t rank, const int64_t *shape,
                                             struct DLManagedTensor **tensor);
// Hands a tensor that the library made out once more: the same memory, which stays for as long as one of the
// tensors of it does, with a `deleter` of its own.
KINEMA_CHECKED kinema_error *kinema_share(const struct DLManagedTensor *tensor,
                                          struct DLManagedTensor **shared);
// Binds a tensor to an input, which is read from it whenever an entry runs, or to an output, which is written
// to it then. It has the input's type and shape, and any strides. From success on it belongs to the session,
// which calls its `deleter` when another one is bound, NULL is, or the session is closed.
KINEMA_CHECKED kinema_error *kinema_session_bind(kinema_session *session, const kinema_tensor *tensor,
                                                 struct DLManagedTensor *bound);
// Gives the session's own memory of a tensor, so that nothing has to be copied. It may have strides: on a
// CPU, the channels of a clip's pixels lie side by side. Its `deleter` has to be called at last; until then
// the session's memory stays, though the session is closed. An input counts as written from now on. It is an
// error for parameters and states, where the device keeps the tensor in other memory than the machine's, and
// where it keeps it in blocks.
KINEMA_CHECKED kinema_error *kinema_session_view(kinema_session *session, const kinema_tensor *tensor,
                                                 struct DLManagedTensor **view);

// Makes of frames that somebody else has decoded what an input takes of one clip, [C, T, H, W], `elements`
// numbers: they are scaled as the recipe says (data.resize, data.short), and the centre of evaluation's crop
// is cut out and normalised. `frames` are [count, height, width, 3], 8 bits of red, green and blue, of which
// a clip has data.frames. They are scaled by a triangle filter; a loader has FFmpeg scale videos, whose
// pixels may differ by some steps of 255. It is an error for inputs of the kind flow, which a loader makes of
// a video.
KINEMA_CHECKED kinema_error *kinema_package_clip(const kinema_package *package, const kinema_tensor *input,
                                                 const uint8_t *frames, int64_t count, int64_t height,
                                                 int64_t width, float *clip, int64_t elements);

// Lists of videos, in the formats in which data sets are published (docs/data.md).

typedef struct kinema_list kinema_list;

// Reads a list: a file, or a folder of class folders. `options` end with NULL, and NULL is an empty list of
// them: "format=ucf101" and the like where name and content do not say which it is, "root=FOLDER" of the
// videos where they do not lie beside it, "labels=FILE" with the names of the classes, "part=test" where it
// holds videos of training and of tests, "split=2" of HMDB51. No video is opened. What `kinema data check`
// has found out beside it is used.
KINEMA_CHECKED kinema_error *kinema_list_open(const char *path, const char *const *options,
                                              kinema_list **list);
KINEMA_API void kinema_list_close(kinema_list *list);
// These say what is in it: how many videos, the path of one as it is opened, and its labels, from number 0;
// -1 where it has no such label. They return 0, NULL or -1 for a list that is NULL, and for a number that is
// none.
KINEMA_API int64_t kinema_list_count(const kinema_list *list);
KINEMA_API const char *kinema_list_video(const kinema_list *list, int64_t video);
KINEMA_API int32_t kinema_list_label(const kinema_list *list, int64_t video, int64_t number);
// The names of its classes, in the order of the labels; it may have none.
KINEMA_API int64_t kinema_list_class_count(const kinema_list *list);
KINEMA_API const char *kinema_list_class_name(const kinema_list *list, int64_t label);

// Loaders of clips: what a network takes, from video files. Threads decode ahead.

typedef struct kinema_clips kinema_clips;

// Loads the clips by which the recipe evaluates: of each video eval.clips, in the order of the videos.
// `videos` are `count` paths. `settings` change the recipe, as "eval.clips=1"; the list ends with NULL, and
// NULL is an empty one. `threads` decode; 0 means one a core. Videos are opened when they are needed: one
// that cannot be read is left out.
KINEMA_CHECKED kinema_error *kinema_clips_open(const kinema_package *package, const char *const *videos,
                                               int64_t count, const char *const *settings, int threads,
                                               kinema_clips **clips);
// Loads the clips by which the recipe trains: in a new random order in each epoch, by train.seed. `labels`
// has `count`.
KINEMA_CHECKED kinema_error *kinema_clips_open_training(const kinema_package *package,
                                                        const char *const *videos, const int32_t *labels,
                                                        int64_t count, const char *const *settings,
                                                        int threads, kinema_clips **clips);
// Loads the clips of a list's videos: those by which the recipe trains, with all labels that each has, or,
// where `training` is 0, those by which it evaluates.
KINEMA_CHECKED kinema_error *kinema_clips_open_list(const kinema_package *package, const kinema_list *list,
                                                    int training, const char *const *settings, int threads,
                                                    kinema_clips **clips);
KINEMA_API void kinema_clips_close(kinema_clips *clips);
// Returns how many batches an epoch has.
KINEMA_API int64_t kinema_clips_batches(const kinema_clips *clips);
// Makes the batch of that number the next one, in the epoch of that number, both from 0.
KINEMA_CHECKED kinema_error *kinema_clips_seek(kinema_clips *clips, int64_t epoch, int64_t batch);
// Takes the next batch, and waits for it. `valid` becomes the number of its clips, which may be 0 where their
// videos cannot be read, or -1 at the end of the epoch; the next call takes the first batch of the next
// epoch.
KINEMA_CHECKED kinema_error *kinema_clips_next(kinema_clips *clips, int64_t *valid);
// Returns the number of the video that a clip of the batch is of; -1 for clips from `valid` on.
KINEMA_API int64_t kinema_clips_video(const kinema_clips *clips, int64_t clip);
// Returns why a video could not be read; NULL where nothing is known against it so far.
KINEMA_API const char *kinema_clips_problem(const kinema_clips *clips, int64_t video);
// Gives the loader's own memory of an input of the batch, [N, C, T, H, W], so that nothing has to be copied.
// It holds what kinema_session_take writes, and may be changed before that. Its `deleter` has to be called at
// last; until then the memory stays as it is: batches that are taken later get other memory, and the loader
// may be closed. Clips from `valid` on are zeros in evaluation; in training they are copies of the others.
KINEMA_CHECKED kinema_error *kinema_clips_view(kinema_clips *clips, const kinema_tensor *tensor,
                                               struct DLManagedTensor **view);
// Writes how true each class is of each clip of a batch of training, [N, classes], `count` numbers: 1 for a
// label of its video, and shares where the recipe mixes clips. Clips from `valid` on have zeros.
KINEMA_CHECKED kinema_error *kinema_clips_truths(kinema_clips *clips, float *truths, int64_t count);
// Writes the batch to the session's inputs; of a loader for training, also its labels. In training, clips
// that are missing have copies of the others in their place, which are masked.
KINEMA_CHECKED kinema_error *kinema_session_take(kinema_session *session, kinema_clips *clips);
// Evaluates all clips from the first on, and writes the videos' scores [videos, classes]: probabilities, of
// which `count` is the number. The row of a video that could not be read has NaN.
KINEMA_CHECKED kinema_error *kinema_session_predict(kinema_session *session, kinema_clips *clips,
                                                    double *scores, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
