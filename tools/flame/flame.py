"""Draws samples of `perf script` as a flame graph: how wide a function is, so much of the time it was on the stack.

    perf record -F 99 --call-graph dwarf,16384 -p PID,PID -- sleep 30
    perf script -F comm,ip,sym --no-inline | python3 tools/flame/flame.py "what it shows" > flame.svg

Only the standard library. What is narrower than a five-hundredth is left out.
"""

import html
import re
import sys

WIDTH, ROW, LEAST = 1200, 17, 1 / 500
# Functions that only call others: of the start of a program, of threads and of the runtime's tasks.
PASSING = re.compile(
    r"^(_start|__libc_start|main$|start_thread|clone|std::|core::|alloc::|tokio::|futures|tracing|commonware_runtime::(tokio|utils|spawn))"
)


def stacks(lines):
    """Yields every sample as its functions, outermost first, the thread's name in front."""
    thread, functions = None, []
    for line in lines:
        line = line.rstrip()
        if not line:
            if thread and functions:
                callers = [held for held in reversed(functions[1:]) if not PASSING.match(held)]
                yield [thread, *callers, functions[0]]
            thread, functions = None, []
        elif not line[0].isspace():
            thread = re.sub(r"[-_ ]?\d+$", "", line.split()[0])
        else:
            parts = line.split(None, 1)
            functions.append(short(parts[1]) if len(parts) > 1 else "[unknown]")


def short(symbol):
    """Returns a symbol without the types that it is generic over, its hash, and its offset."""
    symbol = re.sub(r"\+0x[0-9a-f]+.*$", "", symbol)
    symbol = re.sub(r"::h[0-9a-f]{16}$", "", symbol)
    symbol = re.sub(r"<impl [^>]* for ([^>]*)>", r"\1", symbol)
    symbol = re.sub(r"<([^<>]+?) as [^<>]+>", r"\1", symbol)
    before = None
    while before != symbol:
        before, symbol = symbol, re.sub(r"::<[^<>]*>|<[^<>]*>", "", symbol)
    return symbol.strip(": ") or "[unknown]"


class Frame:
    """A function under those that called it."""

    def __init__(self):
        self.count, self.callees = 0, {}

    def add(self, stack):
        self.count += 1
        if stack:
            self.callees.setdefault(stack[0], Frame()).add(stack[1:])

    def depth(self, least):
        seen = [held.depth(least) for held in self.callees.values() if held.count >= least]
        return 1 + max(seen, default=0)


def boxes(frame, name, left, level, total, height):
    """Yields the drawing of a frame and of what it calls."""
    width, top = frame.count / total * WIDTH, height - (level + 1) * ROW
    share = 100 * frame.count / total
    colour = f"hsl({20 + sum(name.encode()) % 40} 85% {62 + sum(name.encode()) % 14}%)"
    text = html.escape(name if len(name) * 6.4 < width else name[-max(int(width / 6.4) - 1, 0) :] if width > 40 else "")
    yield (
        f'<g><title>{html.escape(name)}: {share:.1f} %</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
        f'height="{ROW - 1}" fill="{colour}"/><text x="{left + 3:.1f}" y="{top + 12}">{text}</text></g>'
    )
    for callee, held in sorted(frame.callees.items()):
        if held.count >= total * LEAST:
            yield from boxes(held, callee, left, level + 1, total, height)
        left += held.count / total * WIDTH


def main():
    root = Frame()
    for stack in stacks(sys.stdin):
        root.add(stack)
    if not root.count:
        sys.exit("no samples: pass the output of perf script")
    title = sys.argv[1] if len(sys.argv) > 1 else "all"
    height = (root.depth(root.count * LEAST) + 1) * ROW
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">')
    print(f'<rect width="{WIDTH}" height="{height}" fill="white"/>')
    print("\n".join(boxes(root, f"{title}, {root.count} samples", 0, 0, root.count, height)))
    print("</svg>")


main()
