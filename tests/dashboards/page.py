"""Reading a page back: its elements as a tree, and the minutes that a strip draws."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import numpy.typing as npt

VOID = frozenset({"meta", "br", "link", "img", "input", "hr", "source", "base", "col", "area", "embed", "wbr", "track"})
BOX = re.compile(r"M(-?[\d.]+) (-?[\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z")
Boxes = list[tuple[float, float, float, float]]


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    children: "list[Element | str]" = field(default_factory=list)

    def all(self, name: str | None = None, **wanted: str) -> "list[Element]":
        """Return the elements below with that name and these attributes, in the order of the page."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                names = {key.replace("_", "-"): value for key, value in wanted.items()}
                if name in (None, child.name) and all(child.attributes.get(key) == value for key, value in names.items()):
                    found.append(child)
                found += child.all(name, **wanted)
        return found

    def one(self, name: str | None = None, **wanted: str) -> "Element":
        (found,) = self.all(name, **wanted)
        return found

    def get(self, name: str) -> str:
        value = self.attributes[name]
        assert value is not None
        return value

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Reader(HTMLParser):
    """Refuses what a browser would silently mend: a tag that is not closed, or closed out of turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>, at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(html: str) -> Element:
    """Return the page's root. Raises: AssertionError if it is not well formed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], f"never closed: {[element.name for element in reader.open[1:]]}"
    return reader.root


def boxes_of(path: str) -> Boxes:
    """Return the boxes of a path as (x, y, width, height); nothing else may be in it."""
    found = BOX.findall(path)
    assert "".join(f"M{x} {y}h{w}v{h}h-{back}z" for x, y, w, h, back in found) == path
    assert all(w == back for _, _, w, _, back in found)
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h, _ in found]


def clip_boxes(page: Element, drawn: Element) -> Boxes:
    """Return the boxes at which a pattern shows: x and width in percent."""
    clip = page.one("clippath", id=drawn.get("clip-path").removeprefix("url(#").removesuffix(")"))
    rects = clip.all("rect")
    return [
        (float(r.get("x").rstrip("%")), float(r.get("y")), float(r.get("width").rstrip("%")), float(r.get("height")))
        for r in rects
    ]


def drawn_minutes(page: Element, strip: Element) -> dict[str, npt.NDArray[np.int64]]:
    """Return, by state, how often each minute of the strip is drawn in it: (n,) of 0 and 1, unless something is wrong."""
    n_min = int(strip.get("data-minutes"))
    drawn = {}
    for layer in [element for element in strip.all() if "data-state" in element.attributes]:
        minutes = np.zeros(n_min, np.int64)
        if layer.name == "path":
            spans = [(x, w) for x, _, w, _ in boxes_of(layer.get("d"))]
        else:
            spans = [(x * n_min / 100, w * n_min / 100) for x, _, w, _ in clip_boxes(page, layer)]
        for start, length in spans:
            assert abs(start - round(start)) < 1e-3, start
            assert abs(length - round(length)) < 1e-3, length
            minutes[round(start) : round(start) + round(length)] += 1
        drawn[layer.get("data-state")] = minutes
    return drawn
