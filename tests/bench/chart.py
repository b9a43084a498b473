# SPDX-License-Identifier: Apache-2.0
"""Rates against the size of a transaction: kept as JSON, drawn as SVG, written as a table."""

import json

FIGURES, PICTURE = "forms.json", "forms.svg"
# form: its name in the legend, colour, marker
LINES = {"texts": ("texts as they come", "#b3541e", "s"),
         "parameters": ("parameters, one by one", "#3a6ea5", "o"),
         "auto": ("many in one statement", "#2a7f4f", "^")}


def write(folder, figures):
    """figures: {form: {most commands a transaction: (commands/s, commands a transaction as they came to be)}}."""
    (folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")
    draw(folder / PICTURE, read(folder))


def read(folder):
    figures = json.loads((folder / FIGURES).read_text())
    return {form: {int(size): found for size, found in sizes.items()} for form, sizes in figures.items()}


def table(folder):
    figures = read(folder)
    sizes = sorted({size for found in figures.values() for size in found})
    lines = ["", "## Commands a second against the size of a transaction", "",
             "One shape of literal command, median of three. Across: BATCH_COUNT; in brackets how many a transaction had on average. "
             f"[Chart]({PICTURE}).", "",
             "| form | " + " | ".join(f"{s:,}" for s in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for form, found in figures.items():
        lines.append(f"| {LINES[form][0]} | " + " | ".join(f"{found[s][0]:,.0f} ({found[s][1]:,.0f})" for s in sizes) + " |")
    return lines


def draw(path, figures):
    import matplotlib  # only here: other benches do without
    matplotlib.use("svg")
    from matplotlib import pyplot
    # text as text, and the same bytes for the same figures
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cypherlog", "font.family": "sans-serif", "font.size": 10})
    figure, axes = pyplot.subplots(figsize=(8, 4.5), facecolor="white")
    for form, sizes in figures.items():
        name, colour, marker = LINES[form]
        axes.plot(list(sizes), [rate for rate, _ in sizes.values()], label=name, color=colour, marker=marker, linewidth=2)
        last = max(sizes)
        axes.annotate(f"{sizes[last][0]:,.0f}", (last, sizes[last][0]), xytext=(8, -3), textcoords="offset points", color=colour)
    axes.set(xscale="log", yscale="log", xlabel="most commands in a transaction (BATCH_COUNT)", ylabel="commands a second")
    axes.set_title("Literal commands of one shape, applied by db_sync", pad=30)
    ticks = sorted({size for sizes in figures.values() for size in sizes})
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}")
    axes.margins(x=0.09)
    axes.grid(True, which="major", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(figures), columnspacing=1.2)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
