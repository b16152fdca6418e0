"""Programs of several compilers and the kernel, for questions about their addresses."""

from __future__ import annotations

import random
import subprocess

import pytest

from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.lint import LintConfig
from orobuild.lint.program import Program

SOURCE = """\
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace shapes {
struct Shape {
    int side;
    explicit Shape(int s) : side(s) {}
    virtual ~Shape() {}
    int area() const { return side * side; }
};
template <class T> T sum(const std::vector<T> &values)
{
    T total{};
    for (auto &value : values)
        total += value;
    return total;
}
} // namespace shapes

static int classify(int n)
{
    switch (n) {
    case 0: return 3;
    case 1: return 14;
    case 2: return 15;
    case 3: return 92;
    case 4: return 65;
    default: return n;
    }
}

int main(int argc, char **)
{
    std::vector<int> values;
    for (int i = 0; i < argc * 10; i++)
        values.push_back(classify(i) ^ 3);
    std::sort(values.begin(), values.end());
    std::map<std::string, int> names;
    for (auto value : values)
        names[std::to_string(value)] = value;
    shapes::Shape shape(shapes::sum(values));
    std::printf("%d %zu\\n", shape.area(), names.size());
}
"""


@pytest.fixture(scope="session")
def cxx(tool, tmp_path_factory):
    """Compiles `SOURCE` with a C++ compiler and flags to a path; each combination once."""
    directory = tmp_path_factory.mktemp("cxx")
    source = directory / "shapes.cpp"
    source.write_text(SOURCE)
    made = {}

    def compile_with(compiler, *flags):
        key = (compiler, *flags)
        if key not in made:
            made[key] = directory / f"shapes{len(made)}"
            command = [tool(compiler), *flags, str(source), "-o", str(made[key])]
            subprocess.run(command, check=True, cwd=directory)
        return made[key]

    return compile_with


def program_of(path) -> Program:
    """The program model of a file."""
    return Program(reader.read(path.read_bytes(), str(path)), LintConfig())


def code_addresses(program: Program, count: int) -> list[int]:
    """Random addresses in the executable sections, the same each time."""
    sections = [s for s in program.sections if s.sh_flags & c.SHF_EXECINSTR]
    choice = random.Random(1)
    chosen = choice.choices(sections, [s.sh_size for s in sections], k=count)
    return [s.sh_addr + choice.randrange(s.sh_size) for s in chosen]
