/**
 * The page's looks: one column of calm type, light or dark as the reader's system is, readable on a phone.
 *
 * Foreign text is shown in the order of its characters (`isolate-override`): otherwise the parts of a path with Hebrew or Arabic
 * names in it change places on the screen.
 */
export const REPORT_STYLE = `
:root {
  --paper: #fbfaf7; --raised: #fff; --ink: #1d1c1a; --soft: #625e57; --line: #e3dfd7; --faint: #f1eee8;
  --accent: #285f8f; --bar: #8fb3d1; --fork: #cfd6dc; --bad: #ad1f1a; --bad-paper: #fcecea; --warn: #845400;
  --warn-paper: #fbf1dc; --good: #2b6a3b; --good-paper: #e9f3ea; --violet: #6d4a9c; --teal: #11676a;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171614; --raised: #1f1e1b; --ink: #e9e6e0; --soft: #a8a298; --line: #35322d; --faint: #24221f;
    --accent: #8dbde6; --bar: #3f6f97; --fork: #46484a; --bad: #ff8f86; --bad-paper: #3a1e1b; --warn: #ebb95f;
    --warn-paper: #33290f; --good: #8ccb98; --good-paper: #1b2d1f; --violet: #c3a5ee; --teal: #72c6c8;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 3.6rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif;
}
a { color: var(--accent); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
code, pre, .pid { font-family: var(--mono); font-size: 0.84em; }
code, small, h1, .errno { unicode-bidi: isolate-override; direction: ltr; }
code { overflow-wrap: anywhere; white-space: pre-wrap; }
code i { font-style: normal; color: var(--bad); background: var(--bad-paper); border-radius: 2px; padding: 0 0.1em; }
small { font-size: 0.82em; color: var(--soft); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; }
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.num { font-variant-numeric: tabular-nums; }
.none, .note { color: var(--soft); }
.note { margin: 0.75rem 0 0; font-size: 0.92rem; }

header { padding: clamp(1.75rem, 5vw, 3.5rem) 0 1.5rem; }
.over { margin: 0; font-size: 0.78rem; letter-spacing: 0.09em; text-transform: uppercase; color: var(--soft); }
h1 { margin: 0.2rem 0 0.35rem; font-size: clamp(1.5rem, 3.4vw, 2.15rem); line-height: 1.2; font-weight: 620; overflow-wrap: anywhere; }
.command { margin: 0; color: var(--soft); max-height: 9rem; overflow: auto; }
.command code { font-size: 0.92rem; }
.facts { display: flex; flex-wrap: wrap; gap: 0.9rem 2.75rem; margin: 1.5rem 0; }
.facts dt { font-size: 0.8rem; color: var(--soft); }
.facts dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.outcome { font-weight: 620; }
.outcome.bad { color: var(--bad); }
.outcome.good { color: var(--good); }
.verdict, .warning { margin: 0.6rem 0 0; padding: 0.7rem 1rem; border-radius: 6px; border-left: 3px solid var(--soft); background: var(--faint); }
.verdict.bad { border-color: var(--bad); background: var(--bad-paper); }
.verdict.bad strong { color: var(--bad); }
.verdict.good { border-color: var(--good); background: var(--good-paper); }
.verdict a { color: inherit; }
.warning { border-color: var(--warn); background: var(--warn-paper); }

nav {
  position: sticky; top: 0; z-index: 3; display: flex; gap: 0.25rem 1.4rem; overflow-x: auto; margin: 0 -0.25rem; padding: 0.7rem 0.25rem;
  background: var(--paper); border-bottom: 1px solid var(--line); font-size: 0.92rem; scrollbar-width: thin;
}
nav a { color: var(--ink); text-decoration: none; white-space: nowrap; padding: 0.1rem 0; }
nav a:hover { text-decoration: underline; }
nav span { color: var(--soft); font-size: 0.85em; font-variant-numeric: tabular-nums; }
section { padding-top: 2.4rem; }
h2 { margin: 0 0 0.9rem; font-size: 1.22rem; font-weight: 620; line-height: 1.3; }
h2 .count { color: var(--soft); font-weight: 400; font-size: 0.88em; font-variant-numeric: tabular-nums; }
h3 { margin: 0 0 0.5rem; font-size: 0.95rem; font-weight: 600; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.88rem; }

table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; }
thead th { font-size: 0.8rem; color: var(--soft); padding: 0 0.9rem 0.4rem 0; border-bottom: 1px solid var(--line); }
.calls { font-size: 0.94rem; table-layout: fixed; }
.calls td { padding: 0.45rem 0.9rem 0.45rem 0; vertical-align: baseline; overflow-wrap: anywhere; border-bottom: 1px solid var(--line); }
.calls th:nth-child(1) { width: 6rem; }
.calls th:nth-child(2) { width: 27%; }
.calls th:nth-child(3) { width: 10.5rem; }
.calls th:nth-child(5) { width: 10rem; }
.calls .time { color: var(--soft); }
.calls .errno { padding-right: 0; }
.went { color: var(--bad); font-weight: 600; }
.held { color: var(--warn); font-size: 0.92em; }
.times { color: var(--soft); font-size: 0.92em; white-space: nowrap; font-variant-numeric: tabular-nums; }
.pid { color: var(--soft); }

.key { display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; margin: -0.2rem 0 0.9rem; font-size: 0.86rem; color: var(--soft); }
.key span { display: inline-flex; align-items: center; gap: 0.45rem; }
.scroll { max-height: 34rem; overflow: auto; border-block: 1px solid var(--line); }
.lanes { table-layout: fixed; font-size: 0.92rem; }
.lanes thead th { position: sticky; top: 0; z-index: 2; background: var(--paper); padding: 0.5rem 0 0.35rem; border: 0; box-shadow: inset 0 -1px var(--line); vertical-align: bottom; }
.lanes th:first-child { width: 42%; padding-right: 1rem; }
.lanes td { padding: 0 2.6rem 0 0; }
.lanes thead th:last-child { padding-right: 2.6rem; }
.lanes tbody tr:hover { background: var(--faint); }
.lanes tbody th { padding: 0.16rem 1rem 0.16rem 0; font-weight: 400; }
.proc { display: block; padding-left: calc(var(--d) * 1rem); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; line-height: 1.45; }
.proc code { white-space: pre; }
.proc .pid { display: inline-block; min-width: 2.6em; }
.end { color: var(--warn); font-size: 0.86em; margin-left: 0.3rem; }
.axis { position: relative; height: 1.2rem; font-variant-numeric: tabular-nums; }
.axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.axis span:first-child { transform: none; }
.track {
  position: relative; height: 1.35rem;
  background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px 25%); box-shadow: 1px 0 var(--line);
}
.bar { position: absolute; top: 0.4rem; height: 0.55rem; min-width: 3px; border-radius: 2px; background: var(--bar); }
.bar.forked { background: var(--fork); }
.bar.open { border-radius: 2px 0 0 2px; }
.bar.bad { box-shadow: 0 0 0 1px var(--bad); }
.tick { position: absolute; top: 0.22rem; width: 2px; height: 0.91rem; margin-left: -1px; background: var(--ink); opacity: 0.75; }
.tick.refused, .tick.violation { top: 0.36rem; width: 0.62rem; height: 0.62rem; margin-left: -0.31rem; border-radius: 50%; background: var(--warn); opacity: 1; border: 1.5px solid var(--paper); }
.tick.violation { background: var(--bad); border-radius: 1px; transform: rotate(45deg); }
.key .bar, .key .tick { position: static; margin: 0; display: inline-block; }
.key .bar { width: 1.6rem; }

.filter { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 1.2rem; margin: 0 0 0.9rem; font-size: 0.92rem; }
.filter .box { flex: 1 1 16rem; max-width: 26rem; }
.filter label { display: inline-flex; align-items: center; gap: 0.4rem; }
input[type='search'] { width: 100%; padding: 0.42rem 0.7rem; font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--soft); border-radius: 6px; }
input[type='checkbox'] { accent-color: var(--accent); width: 1rem; height: 1rem; }
button { font: inherit; color: var(--accent); background: none; border: 0; padding: 0.2rem 0.1rem; cursor: pointer; text-decoration: underline; text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
.buttons { display: inline-flex; gap: 0.9rem; }
output { color: var(--soft); font-variant-numeric: tabular-nums; margin-left: auto; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree ul { padding-left: 1.1rem; margin-left: 0.32rem; border-left: 1px solid var(--line); }
.tree li { line-height: 1.6; overflow: clip; overflow-clip-margin: 4px; }
.tree li:not(:has(> details)) { padding-left: 1.05rem; }
.tree summary { cursor: pointer; border-radius: 3px; list-style: none; position: relative; padding-left: 1.05rem; }
.tree summary::-webkit-details-marker { display: none; }
.tree summary::before { content: ''; position: absolute; left: 0.15rem; top: 0.58em; border: 0.28em solid transparent; border-left: 0.4em solid var(--soft); border-right: 0; }
.tree details[open] > summary::before { transform: rotate(90deg); }
.tree summary:hover { background: var(--faint); }
.tree li[data-missing] > code, .tree li[data-missing] > details > summary > code { color: var(--soft); }
.below { color: var(--soft); font-size: 0.82rem; }
.badges { white-space: normal; }
abbr { display: inline-block; font-family: var(--mono); font-size: 0.76rem; line-height: 1.35; font-weight: 600; text-decoration: none; padding: 0 0.32rem; border-radius: 3px; background: var(--faint); cursor: help; }
abbr small { font-weight: 400; font-size: 0.92em; margin-left: 0.25em; color: inherit; }
.m-x { color: var(--teal); }
.m-r, .m-l { color: var(--soft); }
.m-r { color: var(--accent); }
.m-w, .m-c, .m-n { color: var(--good); }
.m-w { color: var(--warn); }
.m-d { color: var(--bad); }
.m-m, .m-n { color: var(--violet); }
abbr.no { color: var(--bad); background: var(--bad-paper); }
abbr.gone { color: var(--soft); font-weight: 400; background: none; padding: 0; }

.list { list-style: none; margin: 0; padding: 0; }
.list li { padding: 0.32rem 0; border-bottom: 1px solid var(--line); overflow: clip; }
.verb { display: inline-block; min-width: 4.4rem; color: var(--soft); font-size: 0.92em; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 2rem 3rem; }
.counts { font-size: 0.94rem; }
.counts th, .counts td { padding: 0.14rem 0.9rem 0.14rem 0; font-weight: 400; }
.counts .num { text-align: right; width: 1%; }
.counts .meter { width: 45%; padding-right: 0; }
.meter b { display: block; height: 0.55rem; border-radius: 2px; background: var(--bar); }
details > summary { cursor: pointer; }
pre { overflow: auto; max-height: 30rem; padding: 0.9rem 1rem; background: var(--faint); border-radius: 6px; }

@media (max-width: 44rem) {
  .facts { gap: 0.7rem 2rem; }
  .calls thead { display: none; }
  .calls, .calls tbody { display: block; }
  .calls tr { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
  .calls td { border: 0; padding: 0; }
  .calls td.who, .calls td.path { width: 100%; }
  .calls td.who { order: 1; }
  .calls td.path { order: 2; }
  .lanes, .lanes tbody, .lanes tr { display: block; width: 100%; }
  .lanes thead { display: none; }
  .lanes tr { padding: 0.25rem 0; }
  .lanes tbody th:first-child, .lanes td { display: block; width: 100%; padding: 0; }
  .lanes td { padding-right: 0.4rem; }
  .proc { padding-left: calc(min(var(--d), 5) * 0.7rem); }
  .tree ul { padding-left: 0.6rem; }
  output { margin-left: 0; }
}
@media print {
  nav, .filter, .skip { display: none; }
  .scroll { max-height: none; overflow: visible; }
  body { max-width: none; }
}
`
