"""A report as one HTML file that needs nothing else, made only of the report's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from export.report import figures
from export.report.comparison import differences

PERCENT = {"verification_accuracy", "tar_at_far_1e-2", "rank1", "top1", "top5", "pixel_accuracy", "mean_iou"}
PERCENT |= {"false_accept_rate", "false_reject_rate"}
TITLES = {"roc_area": "ROC area", "tar_at_far_1e-2": "TAR at FAR 1 %", "rank1": "rank-1", "mean_iou": "mean IoU"}
STYLE = Path(__file__).with_name("style.css")

Contents = dict[str, Any]


def html(contents: Contents, other: Contents | None = None) -> str:
    """Return the page. other: the contents of a second network, with which it is compared."""
    sections = [each for each in _sections(contents, other) if each[2]]
    links = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title, _ in sections)
    bodies = "".join(f'<section id="{anchor}"><h2>{title}</h2>{body}</section>' for anchor, title, body in sections)
    name = escape(contents["name"] if other is None else f"{contents['name']} and {other['name']}")
    summary = "".join(f'<p class="boss">{escape(each["summary"])}</p>' for each in (contents, other) if each)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: report</title><style>{STYLE.read_text()}</style></head><body>"
        '<a class="skip" href="#content">Skip to the content</a>'
        f'<header><h1>{name}</h1>{summary}</header><nav aria-label="Sections"><ul>{links}</ul></nav>'
        f'<main id="content">{bodies}</main></body></html>\n'
    )


def _sections(contents: Contents, other: Contents | None) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and content; sections without content are left out."""
    if other is not None:
        yield "changes", "What changed", _changes(contents, other)
    yield "accuracy", "Accuracy", _accuracy(contents.get("accuracy", {}))
    yield "curves", "Training", _curves(contents.get("epochs", []), _metrics(contents.get("accuracy", {})))
    for output, judged in contents.get("judged", {}).items():
        title = "Right and wrong" if len(contents["judged"]) == 1 else f"Right and wrong: {escape(output)}"
        yield f"judged-{_anchor(output)}", title, _judged(judged)
    yield "alphas", "Alphas", _alphas(contents["alphas"])
    yield "boards", "Boards", _boards(contents)
    yield "memory", "Memory", _memory(contents)
    yield "stages", "Stages", _stages(contents)
    yield "area", "Silicon area", _area(contents["area"])
    yield "proof", "Proof", _proof(contents.get("proof", []))
    yield "files", "Files", _files(contents)


def table(caption: str, head: list[str], rows: Iterable[list[str]], text: int = 1) -> str:
    """Return a table that scrolls by itself. Cells are HTML; the first `text` columns are text; a cell "<td..." is as it is."""

    def cell(i: int, content: str) -> str:
        if content.startswith("<td"):
            return content
        kind = ' class="text"' if i < text else ""
        return f'<th scope="row" class="text">{content}</th>' if i == 0 else f"<td{kind}>{content}</td>"

    heads = "".join(
        f'<th scope="col"{" class=text" if i < text else ""}>{each}</th>' if each else "<td></td>"  # a corner
        for i, each in enumerate(head)
    )
    body = "".join(f"<tr>{''.join(cell(i, each) for i, each in enumerate(row))}</tr>" for row in rows)
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def titled(metric: str) -> str:
    """The name of a metric as a reader expects it; "face.rank1" is that of a head."""
    head, dot, name = metric.rpartition(".")
    return head + dot + " " * bool(dot) + TITLES.get(name, name.replace("_", " "))


def shown(metric: str, value: Any) -> str:
    """A number as a reader expects it."""
    if value is None:
        return ""
    if metric.split(".")[-1] in PERCENT:
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _picture(caption: str, drawing: str, wide: bool = False) -> str:
    return f"<figure{' class=wide' if wide else ''}><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _anchor(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


# --- What was learned -------------------------------------------------------------------------------------------------


def _accuracy(accuracy: Contents) -> str:
    if not accuracy:
        return ""
    metrics = list(next(reversed(accuracy.values())))
    rows = [
        [escape(form), *(shown(metric, measured.get(metric)) for metric in metrics)]
        for form, measured in accuracy.items()
    ]
    caption = "on the test images, from guessing to what runs on the device"
    return table(caption, ["", *(escape(titled(metric)) for metric in metrics)], rows)


def _metrics(accuracy: dict[str, dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for row in accuracy.values() for name in row))


def _curves(epochs: list[Contents], tested: list[str]) -> str:
    if not epochs:
        return ""
    drawings = "".join(_picture(title, drawing) for title, drawing in figures.curves(epochs, tested))
    revived = {row["epoch"]: int(row["revived"]) for row in epochs if row.get("revived")}
    said = ", ".join(f"{count} in epoch {epoch}" for epoch, count in revived.items())
    note = f"Channels that were nearly constant and got new weights: {said}." if said else ""
    return f'<div class="grid">{drawings}</div>' + (_note(note) if note else "")


def _judged(judged: Contents) -> str:
    if judged["task"] == "faces":
        return _faces(judged)
    parts = []
    if "confusion" in judged:
        names = [escape(each["class"]) for each in judged["per_class"]]
        rows = []
        for name, row in zip(names, judged["confusion"]):
            total = sum(row) or 1
            rows.append(
                [name, *(f'<td class="cell" style="--share:{count / total:.3f}">{count or ""}</td>' for count in row)]
            )
        parts.append(table("rows: what it is; columns: what it was taken for", ["", *names], rows))
    else:
        rows = [[escape(a), escape(b), f"{count:,}"] for a, b, count in judged["confused"]]
        parts.append(table("the most frequent confusions", ["is", "taken for", "images"], rows, text=2))
    worst = sorted(judged["per_class"], key=lambda each: (each["accuracy"] is None, each["accuracy"]))
    rows = [[escape(each["class"]), f"{each['of']:,}", shown("top1", each["accuracy"])] for each in worst]
    by_class = table("accuracy by class, the worst first", ["class", "test images", "right"], rows)
    parts.append(f"<details><summary>Accuracy by class</summary>{by_class}</details>")
    if judged.get("mistakes"):
        items = [
            (f"{each['is']}, taken for {each['taken_for']} by {each['margin']} codes", [each["picture"]])
            for each in judged["mistakes"]
        ]
        parts.append(f"<h3>The worst of {judged['wrong']:,} mistakes in {judged['of']:,} images</h3>{_pictures(items)}")
    return "".join(parts)


def _faces(judged: Contents) -> str:
    note = (
        f"{judged['pairs']:,} pairs of {judged['people']} people. Two pictures count as one person from a cosine of "
        f"{judged['threshold']:.4f} on, which is best on the {judged['threshold_of']}: it accepts "
        f"{judged['false_accept_rate']:.2%} of the pairs of two people, and refuses {judged['false_reject_rate']:.2%} of the "
        "pairs of one person."
    )
    parts = [_note(note), f'<div class="grid">{_picture("ROC", figures.roc(judged))}</div>']
    for kind, title in (("taken_for_one", "Two people, taken for one"), ("taken_for_two", "One person, taken for two")):
        items = [
            (f"{' and '.join(dict.fromkeys(each['people']))}: cosine {each['similarity']:.3f}", each["pictures"])
            for each in judged[kind]
        ]
        if items:
            parts.append(f"<h3>{title}</h3>{_pictures(items)}")
    return "".join(parts)


def _pictures(items: list[tuple[str, list[str]]]) -> str:
    made = []
    for text, pictures in items:
        said = escape(text, quote=True)
        images = " ".join(f'<img alt="{said}" src="data:image/png;base64,{each}">' for each in pictures)
        made.append(f"<li>{images}<br>{said}</li>")
    return f'<ul class="pictures">{"".join(made)}</ul>'


def _alphas(alphas: Contents) -> str:
    if not alphas:
        return ""
    stages: dict[str, Contents] = {}
    for name, values in alphas.items():
        core, _, stage = name.partition(".")
        stages.setdefault(stage, {})[core] = values
    drawings = "".join(_picture(stage, figures.alphas(stage, blends)) for stage, blends in stages.items())
    note = "How much each trainable core takes from the frozen core, per channel: 1 is all, 0 is nothing."
    return f'{_note(note)}<div class="grid">{drawings}</div>'


# --- What it costs ----------------------------------------------------------------------------------------------------


def _boards(contents: Contents) -> str:
    sizes = contents["sizes"]
    note = (
        f"{sizes['ram']:,} bytes of RAM with {sizes['stack']:,} of stack, {sizes['flash']:,} bytes of flash "
        f"({escape(sizes['how'])}), {sizes['macs']:,} MACs per image. Other compilers and cores differ by some kilobytes. Your "
        "own firmware and the camera take more. RAM is the largest piece of the chip's own. "
    )
    note += (
        "The time assumes one instruction per clock, which no figure here proves."
        if sizes["boards"]
        else "<code>sfkeras report</code> measures instead, and counts instructions, if a compiler for Arm and QEMU are there."
    )
    rows = []
    for board in contents["boards"]:
        fits = '<td class="good text">fits</td>' if board["fits"] else '<td class="bad text">does not fit</td>'
        time = board["ms_at_one_instruction_per_clock"]
        rows.append(
            [
                escape(board["board"]),
                fits,
                f"{board['chip']}, {board['core']}, {board['mhz']} MHz",
                f'<td class="text wrap">{escape(board["reason"])}</td>',
                f"{board['ram'] // 1024:,}",
                f"{board['flash'] // 1024:,}",
                "" if time is None else f"{time:,}",
            ]
        )
    head = ["board", "verdict", "chip", "why", "RAM, KB", "flash, KB", "ms per image"]
    made = _note(note) + table("whether the network fits, by board", head, rows, text=4)
    if sizes["boards"]:
        counted = [
            [name, *("" if value is None else f"{value:,}" for value in cost.values())]
            for name, cost in sizes["boards"].items()
        ]
        made += table("emulated boards", ["", *next(iter(sizes["boards"].values()))], counted)
    return made


def _memory(contents: Contents) -> str:
    parts = contents["sizes"]["parts"]
    names = {
        "rows": "kept rows",
        "newest_rows": "newest rows, shared by all stages",
        "sums": "running sums",
        "states": "states, kept from one image to the next",
    }
    rows = [[names[key], f"{value:,}"] for key, value in parts.items()] + [["together", f"{sum(parts.values()):,}"]]
    drawing = _picture("Kept rows in use, line by line", figures.memory(contents["memory"]), wide=True)
    return drawing + table("bytes", ["", "bytes"], rows)


def _stages(contents: Contents) -> str:
    total = sum(stage["macs"] for stage in contents["stages"]) or 1
    costs = [cost for cost in ("instructions", "cycles") if any(stage[cost] for stage in contents["stages"])]
    rows = [
        [
            f"<code>{escape(stage['stage'][-70:])}</code>",
            escape(stage["kind"]),
            "x".join(map(str, stage["map"])),
            str(stage["kept_rows"]),
            f"{stage['kept_bytes']:,}",
            f"{stage['macs']:,}",
            f"{stage['macs'] / total:.1%}",
            *("" if stage[cost] is None else f"{stage[cost]:,}" for cost in costs),
            f"{stage['first_line']} to {stage['last_line']}",
        ]
        for stage in contents["stages"]
    ]
    head = ["stage", "kind", "map", "kept rows", "bytes", "MACs", "share", *costs, "lines"]
    made = table("in the order in which they run in each line", head, rows, text=2)
    drawing = _picture(
        "When each stage runs; dark ones have many MACs", figures.schedule(contents["stages"]), wide=True
    )
    return f"{drawing}<details><summary>All {len(rows)} stages</summary>{made}</details>"


def _area(area: Contents | None) -> str:
    if area is None:
        return ""
    designs = area["designs"]
    cores = list(next(iter(designs.values()))["cores"])
    rows = [[escape(core), *(f"{each['cores'][core]['total']:.3f}" for each in designs.values())] for core in cores]
    rows.append(["together", *(f"{each['mm2']['total']:.3f}" for each in designs.values())])
    made = _note(f"Estimated mm2, {escape(area['library'])}; nothing was placed and routed.")
    made += table("mm2 by core, for three designs", ["", *map(escape, designs)], rows)
    stages = [[escape(name), f"{each['mm2']:.4f}", f"{each['busy']:.0%}"] for name, each in area["stages"].items()]
    by_stage = table("of the folded design", ["stage", "mm2", "multipliers busy"], stages)
    return f"{made}<details><summary>Area by stage</summary>{by_stage}</details>"


# --- What is proven ---------------------------------------------------------------------------------------------------


def _proof(proof: list[Contents]) -> str:
    if not proof:
        return ""
    rows = []
    for each in proof:
        kind = {"equal": "good", "different": "bad"}.get(each["verdict"], "")
        crcs = "<br>".join(f"{escape(name)} <code>{crc}</code>" for name, crc in each["outputs"].items())
        rows.append(
            [
                escape(each["backend"]),
                f'<td class="{kind} text">{each["verdict"]}</td>',
                escape(each["inputs"]),
                f"{each['tensors']:,}",
                f"{each['values']:,}",
                f"{each['differing']:,}",
                f'<td class="text">{crcs}{escape(each["why"])}</td>',
            ]
        )
    equal = all(each["verdict"] != "different" for each in proof)
    verdict = (
        "all backends that ran gave the same bytes"
        if equal
        else "NOT proven: a backend gave other bytes or did not run"
    )
    head = ["backend", "bytes", "inputs", "tensors", "values", "differ", "CRC-32 of the last tensor"]
    made = table("compared with golden, byte for byte", head, rows, text=3)
    return f"<details{'' if equal else ' open'}><summary>{len(rows)} comparisons: {verdict}</summary>{made}</details>"


def _files(contents: Contents) -> str:
    rows = [
        [escape(each["file"]), f"{each['bytes']:,}", f"<code>{each['sha256']}</code>"] for each in contents["files"]
    ]
    made = table("files", ["file", "bytes", "SHA-256"], rows)
    folded = f"<details><summary>{len(rows)} files</summary>{made}</details>"
    if recipe := contents.get("recipe"):
        folded += f'<details><summary>Recipe</summary><pre tabindex="0">{escape(recipe)}</pre></details>'
    return folded


def _difference(metric: str, before: float, after: float) -> str:
    """Return how much more the second number is, in the form in which both are shown."""
    if shown(metric, after).endswith("%"):
        return f"{100 * (after - before):+.2f} points"
    whole = isinstance(before, int) and isinstance(after, int)
    return f"{after - before:+,}" if whole else f"{after - before:+.4f}"


def _changes(contents: Contents, other: Contents) -> str:
    rows = [
        [
            escape(what),
            shown(what.rpartition(": ")[2], before),
            shown(what.rpartition(": ")[2], after),
            _difference(what.rpartition(": ")[2], before, after) if None not in (before, after) else "",
        ]
        for what, before, after in differences(contents, other)
        if not isinstance(before, str)
    ]
    head = ["", escape(contents["name"]), escape(other["name"]), "difference"]
    words = [
        [escape(what), *(f'<td class="text wrap">{escape(str(value))}</td>' for value in (before, after))]
        for what, before, after in differences(contents, other)
        if isinstance(before, str)
    ]
    made = table("numbers that differ", head, rows) if rows else _note("No number differs.")
    made += table("what else differs", head[:3], words, text=3) if words else ""
    return made + _note(f"All that follows is about {escape(contents['name'])}.")
