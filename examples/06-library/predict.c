/* Names the most probable class of videos: predict PACKAGE WEIGHTS VIDEO...
 *
 * The library decodes the videos, cuts them into clips, runs the network on these and averages what it says. */
#include <kinema.h>

#include <stdio.h>
#include <stdlib.h>

/* Ends the program where something went wrong. */
static void check(kinema_error *error) {
  if (!error)
    return;
  fprintf(stderr, "predict: error: %s\n", kinema_error_message(error));
  kinema_error_free(error);
  exit(1);
}

static void print(kinema_session *session, kinema_clips *clips, int64_t video, const char *name,
                  const double *scores, int64_t classes) {
  const char *problem = kinema_clips_problem(clips, video);
  int64_t best = 0;
  if (problem) {
    printf("%s: %s\n", name, problem);
    return;
  }
  for (int64_t label = 1; label < classes; ++label)
    if (scores[label] > scores[best])
      best = label;
  const char *word = kinema_session_class_name(session, best);
  if (word)
    printf("%s: %s, %.1f%%\n", name, word, 100 * scores[best]);
  else
    printf("%s: class %d, %.1f%%\n", name, (int)best, 100 * scores[best]);
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: predict PACKAGE WEIGHTS VIDEO...\n");
    return 2;
  }
  const int64_t videos = count - 3;
  const char *const *names = (const char *const *)arguments + 3;

  kinema_package *package;
  kinema_session *session;
  kinema_clips *clips;
  check(kinema_package_open(arguments[1], &package));
  check(kinema_session_open(package, NULL, 0, &session));
  check(kinema_session_load_weights(session, arguments[2], NULL));
  check(kinema_clips_open(package, names, videos, NULL, 0, &clips));

  const int64_t classes = kinema_package_classes(package);
  double *scores = malloc((size_t)(videos * classes) * sizeof *scores);
  if (!scores)
    return 1;
  check(kinema_session_predict(session, clips, scores, videos * classes));
  for (int64_t video = 0; video < videos; ++video)
    print(session, clips, video, names[video], scores + video * classes, classes);

  free(scores);
  kinema_clips_close(clips);
  kinema_session_close(session);
  kinema_package_close(package);
  return 0;
}
