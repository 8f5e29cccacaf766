"""Colours as values: what each tone and level looks like in each theme. `app.tui.theme` makes Textual's themes of them.

Neutral is fine; violet is the focus and the chosen thing; amber is "look today", red "look now", blue is information,
grey is old or unknown. Use is a ramp of one hue, from the background to bright, and never says good or bad. Eight
colours tell jobs and users apart, each with a letter or a name over it: those of Okabe and Ito, which every kind of
colour vision tells apart, a little muted where the theme is calm. The cividis ramp grows from dark blue to yellow in
even steps of lightness, the same to every kind of colour vision; its alarms differ in lightness as well as hue. The
mono palette has greys only, and says alarms by bold and reverse.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.frozen import frozen

_NAMED = (
    "strong", "quiet", "unit", "old", "accent", "good", "look", "bad", "info", "spark", "curve", "head", "lost",
)  # fmt: skip
STYLED = ("strong", "head", "look", "bad", "lost", "accent")
"""Tones that have a text style (bold, reverse, ...) besides their colour."""


@frozen
class Palette:
    """One theme's colours."""

    name: str
    is_dark: bool
    base: Mapping[str, str]
    """What Textual's own widgets use: the keyword arguments of its Theme."""
    variables: Mapping[str, str]
    """What ours use: every name in VARIABLES, without the dollar sign."""


def _palette(
    name: str,
    ramp: str,
    kinds: str,
    *,
    is_dark: bool,
    styles: Mapping[str, str] | None = None,
    **colours: str,
) -> Palette:
    """A palette of named colours, a ramp of ten, and eight colours that tell kinds apart."""
    c = colours
    levels = {f"level-{index}": colour for index, colour in enumerate(ramp.split())}
    tones = {f"tone-{tone}": c[tone] for tone in _NAMED}
    tones |= {f"tone-kind{index}": colour for index, colour in enumerate(kinds.split())}
    weights = {"strong": "bold", "head": "none", "look": "none", "bad": "bold", "lost": "bold", "accent": "none"}
    styled = {f"tone-{tone}-style": style for tone, style in {**weights, **(styles or {})}.items()}
    places = {
        "tone-frame": c["line"],
        "tone-focus": c["accent"],
        "pane-border": c["line"],
        "pane-border-focus": c["accent"],
        "cursor-background": c["cursor"],
        "cursor-foreground": c["on_cursor"],
        "row-selected": c["row"],
        "row-selected-blurred": c["row_dim"],
        "header-background": c["bar"],
        "key": c["accent"],
        "scrollbar": c["line"],
        "scrollbar-hover": c["quiet"],
        "scrollbar-active": c["accent"],
        "scrollbar-background": c["page"],
        "scrollbar-background-hover": c["page"],
        "scrollbar-background-active": c["page"],
        "scrollbar-corner-color": c["page"],
    }
    base = {
        "primary": c["accent"],
        "secondary": c["info"],
        "accent": c["accent"],
        "warning": c["look"],
        "error": c["bad"],
        "success": c["good"],
        "foreground": c["text"],
        "background": c["page"],
        "surface": c["bar"],
        "panel": c["row_dim"],
    }
    return Palette(name, is_dark, base, {**tones, **styled, **levels, **places})


DARK = _palette(
    "watchdog-dark",
    "#1a2127 #1b2b34 #1c3541 #1d3f4f #1f4a5d #21566c #24637c #28708c #2f7f9e #3b90b1",
    "#2f6f9f #b07d2b #2f8f6f #a0527a #7a6bc0 #9a8f3a #b5603a #5f7f8f",
    is_dark=True,
    text="#c3c9d2", page="#0e1216", bar="#141a20", strong="#f0f3f7", quiet="#6f7a86", unit="#7d8792", old="#5b646e",
    accent="#b69cff", good="#8fbf8f", look="#eaa93c", bad="#ff6b66", info="#6ea8fe", spark="#35748f",
    curve="#69b7d6", head="#8a94a0", lost="#ff6b66", line="#2b343d", cursor="#e9e2ff", on_cursor="#1a1428",
    row="#2a2540", row_dim="#1d2128",
)  # fmt: skip

LIGHT = _palette(
    "watchdog-light",
    "#e9eef0 #d9e6eb #c8dde6 #b6d4e0 #a3cada #8fc0d4 #79b4cc #62a7c3 #4b99b8 #3589ab",
    "#8ec3e6 #f0c37a #8fd3bb #e6a9c6 #bdb3ee #e0d98a #f0b196 #b7c7cf",
    is_dark=False,
    text="#2c333b", page="#fbfbf9", bar="#f1f2f0", strong="#0b0f14", quiet="#7a838c", unit="#7c858e", old="#9ba2a9",
    accent="#6a3fd0", good="#3c7a43", look="#a86200", bad="#c22b2b", info="#1f62c9", spark="#6ba3bb",
    curve="#1f6c8e", head="#6a737c", lost="#c22b2b", line="#d2d6d8", cursor="#4b2a9c", on_cursor="#ffffff",
    row="#e5dcfb", row_dim="#ecedea",
)  # fmt: skip

CIVIDIS = _palette(
    "watchdog-cividis",
    "#0c2148 #1b2f5b #2e3f66 #414f6a #55606c #69706f #7d8071 #93916e #aaa266 #c3b455",
    "#0072b2 #e69f00 #009e73 #cc79a7 #56b4e9 #b3a935 #d55e00 #7f7f7f",
    is_dark=True,
    text="#c8ccd2", page="#0d1014", bar="#13171c", strong="#ffffff", quiet="#737c87", unit="#7f8893", old="#5c646d",
    accent="#8ec5ff", good="#b9c0c8", look="#ffb454", bad="#ff7ab0", info="#7fb2ff", spark="#8c8b77",
    curve="#d8c65c", head="#8b94a0", lost="#ff7ab0", line="#2a323b", cursor="#ffffff", on_cursor="#0d1014",
    row="#1d3350", row_dim="#1b2027",
)  # fmt: skip

CIVIDIS_LIGHT = _palette(
    "watchdog-cividis-light",
    "#f4efd8 #ebe2b4 #ddd29a #cbc28f #b8b18a #a5a088 #918f86 #7d7f83 #687080 #52617c",
    "#7db9dd #f2c878 #84cdb8 #e3b5cd #b3dcf4 #efe58f #eeae88 #bfbfbf",
    is_dark=False,
    text="#2a3038", page="#fcfcfa", bar="#f2f2ef", strong="#000000", quiet="#767f88", unit="#78818a", old="#989fa6",
    accent="#0058a8", good="#444b53", look="#8f5200", bad="#b0105e", info="#0058a8", spark="#8b8776",
    curve="#41526c", head="#68717a", lost="#b0105e", line="#d0d4d7", cursor="#003a70", on_cursor="#ffffff",
    row="#d9e8f8", row_dim="#ebece9",
)  # fmt: skip

MONO = _palette(
    "watchdog-mono",
    "#1c1c1c #262626 #313131 #3d3d3d #494949 #565656 #636363 #717171 #7f7f7f #8e8e8e",
    "#4a4a4a #6a6a6a #3a3a3a #7a7a7a #545454 #8a8a8a #444444 #727272",
    is_dark=True,
    text="#c4c4c4", page="#101010", bar="#171717", strong="#ffffff", quiet="#7c7c7c", unit="#868686", old="#606060",
    accent="#ffffff", good="#c4c4c4", look="#ffffff", bad="#ffffff", info="#d8d8d8", spark="#8a8a8a",
    curve="#c8c8c8", head="#8e8e8e", lost="#ffffff", line="#333333", cursor="#ffffff", on_cursor="#000000",
    row="#333333", row_dim="#212121",
    styles={"look": "bold", "bad": "bold reverse", "lost": "bold reverse", "accent": "bold underline"},
)  # fmt: skip

PALETTES: tuple[Palette, ...] = (DARK, LIGHT, CIVIDIS, CIVIDIS_LIGHT, MONO)
VARIABLES: tuple[str, ...] = tuple(DARK.variables)


def default_variables(*, dark: bool) -> dict[str, str]:
    """Our variables for a theme that is not ours (Textual's own, a user's)."""
    return dict((DARK if dark else LIGHT).variables)
