"""The look of a report's page: one style sheet, in the colours of the screen's own themes. Pure.

Light and dark by what the reader's system prefers, always light on paper. Nothing is loaded from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.present.palettes import DARK, LIGHT, Palette

_NAMES: Mapping[str, str] = {
    "text": "foreground", "page": "background", "card": "surface",
}  # fmt: skip
_TONES = ("strong", "bad", "look", "info", "good", "curve", "accent", "head")


def style() -> str:
    """The whole sheet."""
    light, dark = _colours(LIGHT), _colours(DARK)
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{_RULES}{_PICTURES}{_NARROW}@media print{{:root{{{light}}}{_PAPER}}}"
    )


def _colours(palette: Palette) -> str:
    base = {f"--{name}": palette.base[key] for name, key in _NAMES.items()}
    tones = {f"--{tone}": palette.variables[f"tone-{tone}"] for tone in _TONES}
    lines = {"--line": palette.variables["tone-frame"]}
    return "".join(f"{name}:{colour};" for name, colour in {**base, **tones, **lines}.items())


_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Liberation Sans",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:40px 28px 64px}
h1{font-size:27px;line-height:1.25;font-weight:650;letter-spacing:-.012em;color:var(--strong);margin:10px 0 6px;
text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:12px;font-weight:650;letter-spacing:.08em;text-transform:uppercase;color:var(--head);margin:44px 0 12px}
h2 span{font-weight:400;letter-spacing:0;text-transform:none}
h3{font-size:16px;font-weight:600;color:var(--strong);margin:0 0 4px;overflow-wrap:anywhere}
p{margin:0 0 12px;max-width:72ch}
p.why{margin-top:16px}
a{color:var(--info);text-decoration-thickness:1px;text-underline-offset:2px}
.sub{color:var(--head);margin:0}
.chip{display:inline-block;font-size:12px;font-weight:650;line-height:1;padding:5px 9px;border-radius:99px;
border:1px solid currentColor;margin-right:8px;white-space:nowrap}
.critical{--tone:var(--bad)}.warning{--tone:var(--look)}.info{--tone:var(--info)}.over,.mode{--tone:var(--head)}
.chip{color:var(--tone)}
article.one-of-many{border-top:1px solid var(--line);margin-top:64px;padding-top:40px}
article.one-of-many h1{font-size:22px}
.facts{display:flex;flex-wrap:wrap;gap:1px;background:var(--line);
border:1px solid var(--line);border-radius:10px;overflow:hidden;margin:24px 0 0}
.facts div{flex:1 1 172px;background:var(--card);padding:12px 16px}
.facts dt{font-size:12px;color:var(--head)}
.facts dd{margin:2px 0 0;font-size:14px;color:var(--strong);font-weight:550;font-variant-numeric:tabular-nums}
dl{margin:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th{font-size:12px;font-weight:550;color:var(--head);text-align:left;white-space:nowrap}
th,td{padding:7px 16px 7px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
td .sign{position:relative;top:-1px}
td.when{white-space:nowrap;color:var(--head);width:1px;padding-right:24px}
table.overview td:not(:first-child),table.wide td,table.wide th{white-space:nowrap}
td.number,th.number{text-align:right;white-space:nowrap}
td .sign{margin-right:8px}
.quiet{color:var(--head)}
p code,li code{background:var(--card);border-radius:4px;padding:1px 4px;font-size:.9em}
code,pre{font:13px/1.6 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px;margin:8px 0 0;
overflow-x:auto;color:var(--strong)}
pre.command{white-space:pre-wrap;overflow-wrap:anywhere;user-select:all}
pre.log{white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px;color:var(--text)}
pre.log b{font-weight:400;color:var(--head)}
ol.steps{list-style:none;counter-reset:step;padding:0;margin:0}
ol.steps>li{counter-increment:step;position:relative;padding:0 0 18px 40px}
ol.steps>li::before{content:counter(step);position:absolute;left:0;top:0;width:24px;height:24px;border-radius:99px;
border:1px solid var(--line);color:var(--head);font-size:12px;line-height:22px;text-align:center}
.note{max-width:none;font-size:13px;color:var(--head);margin:4px 0 0}
ul.plain{margin:0;padding-left:18px}
ul.plain li{margin:0 0 6px;max-width:80ch}
.effect-item{padding:0 0 14px calc((var(--depth) - 1)*20px)}
.effect-item p{margin:0}
.effect-item h3{display:flex;gap:10px;align-items:baseline;font-size:15px;margin:0}
.effect-item .said{padding-left:19px;font-size:14px}
.sign{display:inline-block;width:9px;height:9px;background:var(--tone,var(--head));border-radius:99px;flex:none}
.sign.critical{border-radius:1px;transform:rotate(45deg)}
.sign.warning{border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
footer{margin-top:56px;padding-top:20px;border-top:1px solid var(--line);font-size:13px;color:var(--head)}
"""
_PICTURES = """
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;fill:var(--head);
font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1;shape-rendering:crispEdges}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:22px 32px}
figure{margin:0;break-inside:avoid}
figcaption{display:flex;gap:8px;align-items:baseline;font-size:13px;color:var(--head);margin-bottom:4px}
figcaption b::first-letter{text-transform:uppercase}
figcaption span{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
figcaption b{white-space:nowrap;font-weight:600;color:var(--strong)}
figcaption .range{flex:none;margin-left:auto;margin-right:62px;font-variant-numeric:tabular-nums}
.curve{fill:none;stroke:var(--curve);stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.band{fill:var(--curve);opacity:.18}
.limit{stroke:var(--head);stroke-width:1;stroke-dasharray:4 4;vector-effect:non-scaling-stroke}
.during{fill:var(--look);opacity:.09}
.mark{stroke:var(--tone);stroke-width:1.4;stroke-dasharray:2 3}
.plot{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:8px}
.plot svg{overflow:visible}
.scale{display:flex;flex-direction:column;justify-content:space-between;width:54px;padding-bottom:10px;
font-size:11px;line-height:16px;color:var(--head);font-variant-numeric:tabular-nums;white-space:nowrap}
.timeline{border-top:1px solid var(--line)}
.row{display:grid;grid-template-columns:minmax(220px,34%) minmax(0,1fr) 84px;gap:0 16px;align-items:center;
border-bottom:1px solid var(--line);min-height:34px;break-inside:avoid}
.row.foot{border:0;min-height:0}
.row .label{display:flex;gap:10px;align-items:baseline;font-size:14px;line-height:1.35;padding:6px 0 6px
calc(min(var(--depth,0),5)*16px);overflow-wrap:anywhere}
.row.root .what{color:var(--strong);font-weight:600}
.row.lane .label,.more{color:var(--head)}
.row .age{font-size:13px;color:var(--head);text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.strip{display:block;overflow:visible}
.bar{fill:var(--tone)}.bar.effect{opacity:.55}
.tick{stroke:var(--tone);stroke-width:1.6}
"""
_NARROW = """
@media screen and (max-width:760px){
main{padding:24px 16px 48px}h1,article.one-of-many h1{font-size:21px}
.charts{grid-template-columns:minmax(0,1fr)}
.facts div{flex-basis:140px}
.row{grid-template-columns:minmax(0,1fr) auto;padding:4px 0}
.row .label{grid-column:1}.row .age{grid-column:2;grid-row:1}.row .strip{grid-column:1/-1}
.row.foot .label,.row.foot .age{display:none}
table.wide{min-width:680px}table.overview{min-width:560px}
table.pairs tr{display:block;padding:8px 0;border-bottom:1px solid var(--line)}
table.pairs td{display:block;width:auto;padding:0;border:0}
}
"""
_PAPER = """
@page{margin:16mm 14mm}
body{font-size:10.5pt;background:#fff}main{max-width:none;padding:0}
h1{font-size:18pt}article.one-of-many h1{font-size:15pt}h2{margin-top:22pt;break-after:avoid}
article.one-of-many+article{break-before:page;border:0;margin:0;padding:0}
.charts{gap:14pt 20pt}pre,li,tr,.effect-item,.facts{break-inside:avoid}
.facts,.during,.bar,.band,.sign,.chip{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.scroll{overflow:visible}table,.row .label{font-size:9.5pt}table.wide td{white-space:normal}
th,td{padding-right:10px}.facts div{flex-basis:110px;padding:8px 10px}
.row{grid-template-columns:minmax(0,34%) minmax(0,1fr) 76px}
pre.log{break-inside:auto}a{color:inherit}
"""
