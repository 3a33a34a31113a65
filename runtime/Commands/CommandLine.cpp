#include "runtime/Commands/CommandLine.h"

#include "runtime/Data/VideoList.h"
#include "runtime/Device/Device.h"
#include "runtime/Package/Names.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"

#include <fmt/ranges.h>

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <new>
#include <thread>

namespace kinema {
namespace {

void addThreads(CLI::App &app, PackageOptions &options) {
  app.add_option("--threads", options.threads, "threads that compute (default: all)")
      ->check(CLI::Range(0, maxThreads));
  app.add_option(
      "--device", options.device,
      "auto (what the package was compiled for), cpu, cuda, cuda:N, or emulator: a GPU's kernels on the "
      "CPU, with every access checked");
}

template <typename Options> void addWeights(CLI::App &app, Options &options, const char *meaning) {
  app.add_option("--weights", options.weights, meaning);
  app.add_option("--names", options.names, namesMeaning("that file"));
}

void addFeatures(CLI::App &app, FeatureFlags &flags) {
  auto *layers = addLayers(app, flags.layers, "go into the file of --features");
  auto *file = app.add_option("--features", flags.features,
                              "file (safetensors) for the features of --layers, video by video");
  layers->needs(file);
  file->needs(layers);
}

std::string listMeaning(const char *list) {
  return fmt::format(
      "{}: lines of `path label`, a folder of class folders, or a list of UCF101, HMDB51, Kinetics, "
      "Something-Something or Sports-1M (docs/data.md)",
      list);
}

template <typename Options> void addData(CLI::App &app, Options &options) {
  app.add_option("--loaders", options.loaders, "threads that decode videos (default: one a core)")
      ->check(CLI::Range(0, maxThreads));
  app.add_option("--flow", options.flow,
                 "folder of optical flow that `data flow` has computed (default: it is computed on the way)");
  // The option adds to the settings, since other flags have put theirs there.
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&options](const std::vector<std::string> &settings) {
           options.settings.insert(options.settings.end(), settings.begin(), settings.end());
         },
         "change the recipe: SECTION.FIELD=VALUE, e.g. train.rate=0.1; may be repeated")
      ->take_all()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.footer(settingsHelp());
}

// Opens /dev/null in place of each standard stream that was closed. The next file that is opened, perhaps a
// checkpoint, would otherwise get the stream's number, and what is printed would go there.
void occupyStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0) [[maybe_unused]]
      int opened = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

} // namespace

std::string namesMeaning(const char *file) {
  return fmt::format("what {} calls its tensors: {}, or a file of names (default: kinema, the spec's names)",
                     file, fmt::join(namingNames(), ", "));
}

CLI::Option *addLayers(CLI::App &app, std::vector<std::string> &layers, const char *what) {
  return app
      .add_option(
          "--layers", layers,
          fmt::format("layers, as `kinema inspect` names them, whose features (their means over frames, "
                      "rows and columns) {}; separated by commas",
                      what))
      ->delimiter(',');
}

static void addCache(CLI::App &app, CacheFlags &flags) {
  auto *cache =
      app.add_option("--cache", flags.cache,
                     "folder on a disk of this machine for decoded and scaled frames, which are decoded "
                     "once then (default: none)");
  app.add_option("--cache-gb", flags.cacheGigabytes, "GB that --cache may take (default: 20)")
      ->needs(cache)
      ->check(CLI::Range(0.0, 1e6));
}

void addListFlags(CLI::App &app, ListFlags &flags) {
  app.add_option("--root", flags.root, "folder of the listed videos (default: the list's)");
  app.add_option("--format", flags.format, "of the lists (default: what their names and content say)")
      ->check(CLI::IsMember(listFormats()));
  app.add_option("--labels", flags.labels,
                 "file with the classes' names, one a line (default: such a file beside the list)");
  app.add_option("--split", flags.split, "of HMDB51 (default: 1)")->check(CLI::Range(1, 3));
  app.add_option("--index", flags.index,
                 "folder for what `data check` finds out about the videos (default: beside each list)");
}

void addFlags(CLI::App &app, TrainOptions &options) {
  app.add_option("--train", options.trainList, listMeaning("list of training videos"))->required();
  app.add_option("--test", options.testList, "list of test videos");
  addListFlags(app, options);
  app.add_option("--test-root", options.testRoot, "folder of the test videos (default: --root)");
  app.add_option("--out", options.out, "folder for checkpoints and curves")->required();
  for (const char *field : {"epochs", "rate", "seed"})
    app.add_option_function<std::string>(
        fmt::format("--{}", field),
        [&options, field](const std::string &value) {
          options.settings.push_back(fmt::format("train.{}={}", field, value));
        },
        fmt::format("short for --set train.{}", field));
  app.add_option_function<std::string>(
      "--class-weights",
      [&options](const std::string &value) {
        const bool balanced = value == "balanced";
        options.classWeights = balanced ? "" : value;
        options.settings.push_back(fmt::format("train.class_weights={}", balanced ? value : "file"));
      },
      "how much each class weighs in the loss: a file of one number a class, or `balanced`, to make up for "
      "how "
      "many videos of --train it has");
  auto *resume = app.add_flag("--resume", options.resume, "go on with the run in --out");
  app.add_option("--changed", options.changed,
                 "what is meant to differ from the run that --resume goes on with: train, test (the lists), "
                 "network, recipe, class_weights; separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"train", "test", "network", "recipe", "class_weights"}));
  app.add_flag("--overwrite", options.overwrite, "begin anew although --out holds a run")->excludes(resume);
  app.add_option("--test-every", options.testEvery, "epochs from one test to the next (default: 1)")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--save-minutes", options.saveMinutes, "between checkpoints within an epoch (default: 10)")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--keep", options.keep,
                 "of so many of the last epochs keep the checkpoints, as epoch-12.safetensors (default: 0)")
      ->check(CLI::Range(0, 1000000));
  app.add_option("--bucket", options.bucketMegabytes,
                 "MB of gradients that several processes add up at a time, while a step goes on (default: 8)")
      ->check(CLI::Range(1e-6, 1e9));
  app.add_option(
         "--compress", options.compress,
         "bf16: several processes send each other gradients in half as many bytes, rounded (default: none)")
      ->check(CLI::IsMember(wireWords));
  app.add_flag("--profile", options.profile,
               "print at the end where the time of a step goes, launch by launch (of the first 1000 steps)");
  addWeights(app, options, "start from these weights (safetensors)");
  auto *partial = app.add_flag(
      "--partial", options.partial,
      "initialise what --weights lack or have in another shape, such as a last layer for other classes");
  partial->needs(app.get_option("--weights"));
  app.add_flag("--cross-modality", options.crossModality,
               "with --partial: a conv on an input of other channels takes the mean over those of --weights")
      ->needs(partial);
  addData(app, options);
  addCache(app, options);
  addThreads(app, options);
}

void addFlags(CLI::App &app, EvalOptions &options) {
  app.add_option("--test", options.testList, listMeaning("list of test videos"))->required();
  addListFlags(app, options);
  app.add_flag("--json", options.json, "print JSON");
  app.add_flag("--confusion", options.confusion, "print the videos by class and by what was said");
  app.add_option("--out", options.out,
                 "folder for videos.jsonl, classes.csv, confusion.csv and confusion.svg");
  addWeights(app, options, "weights or a checkpoint (safetensors; default: the package's own)");
  addFeatures(app, options);
  auto *with = app.add_option("--with", options.with,
                              "a second network, such as one of optical flow: its scores of the videos are "
                              "averaged with the first's")
                   ->excludes(app.get_option("--layers"));
  app.add_option("--with-weights", options.withWeights, "as --weights, of the second network")->needs(with);
  app.add_option("--with-names", options.withNames, "as --names, of the second network")->needs(with);
  app.add_option("--with-share", options.withShare, "weight of the second network's scores (default: 0.5)")
      ->needs(with)
      ->check(CLI::Range(0.0, 1.0));
  addData(app, options);
  addCache(app, options);
  addThreads(app, options);
}

void addFlags(CLI::App &app, PredictOptions &options) {
  app.add_option("VIDEO", options.videos, "videos")->required();
  app.add_option("--labels", options.labels, "file with the classes' names, one a line");
  app.add_option("--top", options.top, "classes to print (default: 5)");
  app.add_option("--scores", options.scores, "file for the scores of all classes: a JSON object a line");
  app.add_flag("--json", options.json, "print JSON");
  addWeights(app, options, "weights or a checkpoint (safetensors; default: the package's own)");
  addFeatures(app, options);
  addData(app, options);
  addThreads(app, options);
}

void addFlags(CLI::App &app, RunCommandOptions &options) {
  app.add_option("--input", options.input,
                 "safetensors with `input` [N, C, T, H, W] and, for a step, `labels` [N] or `targets` [N, "
                 "classes]")
      ->required();
  app.add_option("--output", options.output, "safetensors to write")->required();
  app.add_flag("--step{1}", options.steps, "do one training step instead of an evaluation");
  app.add_option("--steps", options.steps, "do so many training steps on the batch")
      ->check(CLI::Range(1, 1000000))
      ->excludes("--step");
  app.add_option("--rate", options.rate, "instead of the recipe's");
  app.add_option("--momentum", options.momentum, "instead of the recipe's");
  app.add_option("--weight-decay", options.decay, "instead of the recipe's");
  app.add_option("--seed", options.seed, "of the initialisation where no weights are given");
  addLayers(app, options.layers, "are written too");
  addWeights(app, options, "weights (safetensors; default: initialised)");
  addThreads(app, options);
}

void addFlags(CLI::App &app, InfoOptions &options) { app.add_flag("--json", options.json, "print JSON"); }

void addFlags(CLI::App &app, BenchCommandOptions &options) {
  app.add_option("--runs", options.runs, "of each entry (default: 10)")->check(CLI::Range(1, 1000000));
  app.add_option("--entry", options.entries, "infer, prepare or train_step (default: all)")
      ->check(CLI::IsMember({"infer", "prepare", "train_step"}));
  app.add_flag("--per-kernel", options.perKernel,
               "time each launch too: rates, the least time that its work allows, its share");
  app.add_option("--rows", options.rows, "of the table of launches; 0: all (default: 20)")
      ->check(CLI::Range(0, 1000000));
  app.add_flag("--json", options.json, "print JSON");
  addThreads(app, options);
}

void addFlags(CLI::App &app, VerifyCommandOptions &options) {
  app.add_option("--entry", options.entries, "infer, prepare or train_step (default: all)");
  app.add_flag("--json", options.json, "print JSON");
  addThreads(app, options);
}

// Returns the command that the words belong to: the last one that was recognised.
static const CLI::App &innermost(const CLI::App &app) {
  std::vector<const CLI::App *> chosen =
      app.get_subcommands([](const CLI::App *sub) { return sub->parsed() > 0; });
  return chosen.empty() ? app : innermost(*chosen.back());
}

// Reports words that fit nothing, with the nearest option or command; returns an empty string where there are
// none.
static std::string unknownWords(const CLI::App &app, const std::string &program) {
  std::vector<std::string> left = app.remaining(true);
  if (left.empty())
    return "";
  const CLI::App &command = innermost(app);
  std::vector<std::string> names;
  bool option = left.front().starts_with("-");
  if (option)
    for (const CLI::Option *known : command.get_options({}))
      for (const std::string &name : known->get_lnames())
        names.push_back("--" + name);
  else
    for (const CLI::App *sub : command.get_subcommands([](const CLI::App *) { return true; }))
      names.push_back(sub->get_name());
  std::string word = left.front().substr(0, left.front().find('='));
  std::string what = option ? "option" : names.empty() ? "further argument" : "command";
  return fmt::format("{} has no {} {}{}", &command == &app ? program : command.get_name(), what, word,
                     didYouMean(word, names));
}

std::vector<const CLI::App *> commandsOf(const CLI::App &app) {
  return app.get_subcommands([](const CLI::App *command) { return !command->get_group().empty(); });
}

int runCommandLine(CLI::App &app, int argc, char **argv, const std::string &program,
                   const std::string &madeOf) {
  auto say = [&](const std::string &message, int status) {
    std::fputs(fmt::format("{}: error: {}\n", program, message).c_str(), stderr);
    return status;
  };
  // Where one rank fails, all end; the first one's word comes first, since all may have the same to say.
  auto complain = [&](const std::string &message, int status) {
    Ranks *ranks = joinedRanks();
    if (!ranks)
      return say(message, status);
    if (!ranks->isFirst())
      std::this_thread::sleep_for(std::chrono::seconds(1));
    return leaveRanks(say(fmt::format("rank {} of {}: {}", ranks->rank(), ranks->count(), message), status));
  };
  app.set_version_flag("--version",
                       fmt::format("Kinema " KINEMA_VERSION "{}{}", madeOf.empty() ? "" : "\n", madeOf));
  auto finish = [&](int status) {
    std::fflush(stdout);
    return std::ferror(stdout) ? say("cannot write to the standard output", Error::workFailed) : status;
  };
  occupyStandardStreams();
  std::signal(SIGXFSZ, SIG_IGN); // a file that grows too large becomes an error of the write
  try {
    app.parse(argc, argv);
    return finish(0);
  } catch (const CLI::Success &help) {
    return finish(app.exit(help));
  } catch (const CLI::ParseError &error) {
    std::string unknown = unknownWords(app, program), what = unknown.empty() ? error.what() : unknown;
    if (unknown.empty() && what.size() > 1 && std::islower(what[1])) // it is a sentence and no name
      what[0] = static_cast<char>(std::tolower(what[0]));
    return say(fmt::format("{} (--help lists the options)", what), Error::argumentsWrong);
  } catch (const Error &error) {
    return complain(error.what(), error.status);
  } catch (const std::bad_alloc &) {
    return complain("there is not enough memory", Error::workFailed);
  } catch (const std::exception &error) {
    return complain(error.what(), Error::workFailed);
  }
}

} // namespace kinema
