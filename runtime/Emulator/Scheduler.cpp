#include "runtime/Emulator/Scheduler.h"

using namespace kinema::emulator;
using boost::context::detail::jump_fcontext;
using boost::context::detail::transfer_t;

static constexpr int patience = 2000; // rounds in which all running threads only poll

Scheduler::Scheduler(const Kernel &kernel, Threads &threads, Choices &choices, std::function<void()> body)
    : kernel(kernel), threads(threads), choices(choices), body(std::move(body)) {}

void Scheduler::start() {
  violation.reset();
  runnable.clear();
  runnableFrom = 0;
  paused.clear();
  idleRounds = 0;
  for (Thread &thread : threads) {
    auto entry = [](transfer_t from) {
      Scheduler &scheduler = *static_cast<Scheduler *>(from.data);
      scheduler.outside = from.fctx;
      scheduler.body();
    };
    thread.fiber.start(entry, thread.index);
    runnable.push_back(&thread);
  }
}

// ---- Who runs

void Scheduler::resumePaused() {
  if (paused.empty() || ++idleRounds > patience)
    reportDeadlock();
  runnable.clear();
  runnableFrom = 0;
  std::swap(runnable, paused);
}

Thread &Scheduler::takeNext() {
  if (choices.order == Choices::Order::Last) {
    Thread *thread = runnable.back();
    runnable.pop_back();
    return *thread;
  }
  if (choices.order == Choices::Order::Random)
    std::swap(runnable[runnableFrom],
              runnable[runnableFrom + choices.below(uint32_t(runnable.size() - runnableFrom))]);
  return *runnable[runnableFrom++];
}

void Scheduler::runOne() {
  current = &takeNext();
  if (!canRun()) {
    runnable.clear();
    runnableFrom = 0;
  }
  transfer_t back = jump_fcontext(current->fiber.context, this);
  current->fiber.context = back.fctx;
  current = nullptr;
}

void Scheduler::wait(const Awaited &awaited, uint32_t detail) {
  Thread &thread = *current;
  thread.awaited = &awaited;
  thread.awaitedDetail = detail;
  outside = jump_fcontext(outside, nullptr).fctx;
  thread.awaited = nullptr;
}

void Scheduler::wake(Thread &thread) {
  runnable.push_back(&thread);
  idleRounds = 0;
}

void Scheduler::pause() {
  paused.push_back(current);
  outside = jump_fcontext(outside, nullptr).fctx;
}

void Scheduler::exit() {
  idleRounds = 0;
  leave();
}

void Scheduler::leave() {
  jump_fcontext(outside, nullptr);
  __builtin_unreachable();
}

// ---- Reports

std::string Scheduler::siteText(uint32_t site) const {
  return site == noSite || !kernel.sites ? "" : ", at " + textOf(kernel, site);
}

void Scheduler::record(const Thread *thread, uint32_t site, const std::string &what) {
  Violation found;
  found.block = thread ? threads.blockOf(*thread).number : threads.block(0).number;
  found.thread = thread ? thread->number : -1;
  std::string who = thread ? fmt::format(", thread {}{}", thread->number, siteText(site)) : "";
  found.what = fmt::format("kernel {}, block {}{}: {}", kernel.name, found.block, who, what);
  violation = std::move(found);
}

void Scheduler::violateAt(const Thread *thread, uint32_t site, std::string what) {
  record(thread, site, what);
  if (!current)
    throw Stopped();
  what = std::string(); // the fiber ends here, and destroys nothing
  leave();
}

void Scheduler::stop(std::string what) {
  violateAt(current, current ? current->site : noSite, std::move(what));
}

std::string Scheduler::placeOf(const Thread &thread) const {
  if (thread.done)
    return "has exited";
  return (thread.awaited ? thread.awaited->describeWait(thread) : "polls") + siteText(thread.site);
}

// Neighbouring threads that stand at the same place share a line.
std::string Scheduler::describeThreads() const {
  std::string text;
  for (size_t i = 0; i < threads.size();) {
    const Thread &thread = threads[i];
    std::string here = placeOf(thread);
    size_t end = i + 1;
    while (end < threads.size() && threads[end].rank == thread.rank && placeOf(threads[end]) == here)
      ++end;
    std::string block =
        threads.blockCount() == 1 ? "" : fmt::format(" of block {}", threads.blockOf(thread).number);
    text += end == i + 1 ? fmt::format("\n  thread {}{} {}", thread.number, block, here)
                         : fmt::format("\n  each of threads {} to {}{} {}", thread.number,
                                       threads[end - 1].number, block, here);
    i = end;
  }
  return text;
}

void Scheduler::reportDeadlock() { violate("no thread can go on:{}", describeThreads()); }
