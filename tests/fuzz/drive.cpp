// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs a fuzz target without a fuzzer: the files of a corpus, and so many
// inputs made from them by chance, the same in each run.
//   fuzz-replies CORPUS NUMBER
// In a soak (PYTHONFILTER_SOAK=1) ten million.
#include <algorithm>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t seed = 6;
constexpr size_t longest = 4096;
constexpr uint64_t edges[] = {0,
                              1,
                              2,
                              4,
                              5,
                              15,
                              16,
                              17,
                              64,
                              4095,
                              4096,
                              65536,
                              65537,
                              INT32_MAX,
                              uint64_t(INT32_MAX) + 1,
                              UINT32_MAX,
                              uint64_t(UINT32_MAX) + 1,
                              INT64_MAX,
                              uint64_t(INT64_MAX) + 1,
                              UINT64_MAX - 15,
                              UINT64_MAX};

std::vector<Bytes> read_corpus(const char *folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto &path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file),
                        std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Chance {
 public:
  size_t below(size_t limit) { return limit ? size_t(engine_() % limit) : 0; }
  void change(Bytes *bytes) {
    const size_t at = below(bytes->size() + 1);
    switch (below(6)) {
      case 0:
        if (at < bytes->size()) (*bytes)[at] ^= uint8_t(1u << below(8));
        break;
      case 1:
        bytes->insert(bytes->begin() + ptrdiff_t(at), uint8_t(engine_()));
        break;
      case 2:
        bytes->resize(at);
        break;
      case 3:
        write_edge(bytes, at, 4);
        break;
      default:
        write_edge(bytes, at, 8);
    }
  }

 private:
  void write_edge(Bytes *bytes, size_t at, size_t size) {
    const uint64_t edge = edges[below(std::size(edges))];
    if (at + size <= bytes->size()) std::memcpy(&(*bytes)[at], &edge, size);
  }
  std::mt19937_64 engine_{seed};
};

void run(const Bytes &bytes) {
  // In memory of its own size, for AddressSanitizer and valgrind.
  const Bytes exact(bytes);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int count, char **arguments) {
  CHECK(count == 3);
  const std::vector<Bytes> corpus = read_corpus(arguments[1]);
  const char *soak = getenv("PYTHONFILTER_SOAK");
  const bool soaking = soak && *soak && strcmp(soak, "0") != 0;
  const uint64_t number =
      soaking ? 10000000 : strtoull(arguments[2], nullptr, 10);
  CHECK(!corpus.empty() && number > 0);
  for (const Bytes &bytes : corpus)
    run(bytes);
  Chance chance;
  for (uint64_t i = 0; i < number; i++) {
    Bytes bytes = corpus[chance.below(corpus.size())];
    for (size_t changes = 1 + chance.below(6); changes > 0; changes--)
      chance.change(&bytes);
    bytes.resize(std::min(bytes.size(), longest));
    run(bytes);
  }
  printf("%zu files, %" PRIu64 " inputs made from them\n", corpus.size(),
         number);
  return 0;
}
