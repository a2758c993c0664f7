"""The one stylesheet of the pages, which stands in each of them; browsers take it by its hash."""

from __future__ import annotations

import base64
import hashlib

SHEET = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1c2330; --quiet: #56606f; --line: #d3d9e2; --link: #0b5cad; --panel: #f4f6f9;
  --good: #17683a; --bad: #b3261e; --busy: #0b5cad; --calm: #56606f;
  --untouched: #2f6fb7; --stopping: #a65b00; --ended: #17683a; --unknown: #6b4aa0; --on: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --ink: #e8ecf2; --quiet: #a9b3c1; --line: #3a4452; --link: #8ec2ff; --panel: #1d232d;
    --good: #7fd6a2; --bad: #ffaaa3; --busy: #8ec2ff; --calm: #b4bdca;
    --untouched: #8ec2ff; --stopping: #ffbf70; --ended: #7fd6a2; --unknown: #cdb4ff; --on: #10141a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 50rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere;
}
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .75rem 0 .5rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
p { margin: .5rem 0; }
code { font-family: ui-monospace, Consolas, Menlo, monospace; font-size: .9em; }
.quiet, footer { color: var(--quiet); font-size: .9rem; }
.lead { font-size: 1.15rem; }
.badge { display: inline-block; border: 2px solid; border-radius: 1rem; padding: 0 .6rem; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .busy { color: var(--busy); } .calm { color: var(--calm); }
.next { background: var(--panel); border-left: .3rem solid var(--busy); padding: .5rem 1rem; }
.next h2 { margin-top: .25rem; }
dl { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--quiet); font-size: .9rem; }
thead th, td { overflow-wrap: normal; white-space: nowrap; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
svg { display: block; width: 100%; height: 108px; margin: .5rem 0; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .on { fill: var(--on); font-weight: 600; }
svg .state { stroke: var(--paper); stroke-width: 1px; }
svg .untouched { fill: var(--untouched); } svg .stopping { fill: var(--stopping); }
svg .ended { fill: var(--ended); } svg .unknown { fill: var(--unknown); }
svg .end { stroke: var(--ended); stroke-width: 4px; }
svg .poll { stroke: var(--quiet); stroke-width: 1.5px; }
svg .cancel { stroke: var(--bad); stroke-width: 2px; } svg circle.cancel { fill: var(--bad); }
svg .axis { stroke: var(--line); }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .25rem 0; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .5rem 0; }
a[aria-current] { font-weight: 700; text-decoration: none; color: var(--ink); }
.list { list-style: none; padding: 0; }
.list > li { border-top: 1px solid var(--line); padding: .75rem 0; }
.list h2 { font-size: 1rem; margin: 0 .5rem 0 0; display: inline-block; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .5rem; }
"""

_HASH = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
