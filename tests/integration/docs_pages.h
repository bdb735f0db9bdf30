// README.md and docs/ as tests read them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {

namespace fs = std::filesystem;

inline const fs::path kRoot = PROJECT_ROOT;

inline std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<fs::path> pages() {
  std::vector<fs::path> out{kRoot / "README.md", kRoot / "README.zh-CN.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

struct Block {
  std::string language;
  std::vector<std::string> lines;
};

/// Fenced blocks, in their order.
inline std::vector<Block> blocks_of(const std::string& text) {
  std::vector<Block> out;
  bool inside = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) out.push_back({line.substr(3), {}});
    } else if (inside) {
      out.back().lines.push_back(line);
    }
  }
  return out;
}

inline std::string join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace dapr_mqtt::testing
