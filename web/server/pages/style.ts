// The pages' one style sheet. Stands inside each page: no second request, and nothing to load from anywhere.
// Colours have a contrast of at least 4.5:1 on every ground they stand on, in both schemes.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --card: #fff; --line: #dde1e7; --code: #f5f6f8; --hover: #f0f4fb;
  --text: #1a1f26; --dim: #59636f; --link: #0b57d0;
  --plain: #e8ebef; --on-plain: #434c57; --good: #dcf3e3; --on-good: #11632e;
  --waiting: #fdedcb; --on-waiting: #734600; --bad: #fde2e0; --on-bad: #a01c14;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1216; --card: #171b21; --line: #2b323b; --code: #0f1216; --hover: #1c222b;
    --text: #e4e8ed; --dim: #9ba6b3; --link: #83b7ff;
    --plain: #2a313a; --on-plain: #c0c9d3; --good: #14351f; --on-good: #7fdb9c;
    --waiting: #3d2e0c; --on-waiting: #f2c462; --bad: #451a18; --on-bad: #ffa9a2;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 0 1.25rem 3rem; max-width: 76rem;
  background: var(--ground); color: var(--text); font: 0.9375rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: 0.15em; }
a:focus-visible, pre:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem; }
h2 { font-size: 0.9375rem; margin: 0 0 0.5rem; }
p { margin: 0 0 0.5rem; }
code, pre, samp { font: 0.8125rem/1.55 ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace; }
pre { margin: 0; overflow-x: auto; background: var(--code); border-radius: 6px; padding: 0.75rem 0.875rem; }
header {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; justify-content: space-between;
  padding: 1rem 0; min-height: 4rem;
}
.name { display: flex; gap: 0.5rem; align-items: center; font-weight: 650; font-size: 1.0625rem;
  color: inherit; text-decoration: none; }
.dot { width: 0.75rem; height: 0.75rem; border-radius: 50%; background: var(--link); }
.aside { color: var(--dim); font-size: 0.875rem; }
.dim { color: var(--dim); font-weight: 400; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
section.card { padding: 1rem 1.125rem; margin-bottom: 1rem; }
.notice { padding: 1.5rem; }
.button { display: inline-block; padding: 0.25rem 0.75rem; margin-left: 0.25rem; border: 1px solid var(--line);
  border-radius: 6px; background: var(--card); color: var(--text); text-decoration: none; }
.button:hover { border-color: var(--link); color: var(--link); }
.heading { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline; justify-content: space-between;
  margin-bottom: 0.75rem; }
.heading h1, .heading h2, .heading p { margin: 0; }
.links a { margin-left: 0.75rem; }
.badge { display: inline-block; padding: 0 0.5rem; border-radius: 1rem; font-size: 0.8125rem; white-space: nowrap;
  background: var(--plain); color: var(--on-plain); }
.badge.good { background: var(--good); color: var(--on-good); }
.badge.waiting { background: var(--waiting); color: var(--on-waiting); }
.badge.bad { background: var(--bad); color: var(--on-bad); }
.states .badge, .totals .badge { margin: 0 0.25rem 0.25rem 0; }
.totals { margin-bottom: -0.25rem; }

.inbox { width: 100%; border-spacing: 0; table-layout: fixed; }
.inbox th, .inbox td { padding: 0.5rem 0.75rem; text-align: left; vertical-align: top; }
.inbox th { color: var(--dim); font-weight: 500; font-size: 0.8125rem; }
.inbox td { border-top: 1px solid var(--line); }
.inbox tbody tr { position: relative; }
.inbox tbody tr:hover { background: var(--hover); }
.inbox tbody tr:last-child td:first-child { border-bottom-left-radius: 9px; }
.inbox tbody tr:last-child td:last-child { border-bottom-right-radius: 9px; }
.inbox .open { color: inherit; font-weight: 600; text-decoration: none; }
.inbox .open:hover { text-decoration: underline; }
/* The whole row opens the message; the link to the source lies above. */
.inbox .open::after { content: ''; position: absolute; inset: 0; }
.inbox .source a { position: relative; z-index: 1; }
.inbox .when, .inbox .size { color: var(--dim); font-variant-numeric: tabular-nums; }
.inbox .when { white-space: nowrap; }
.inbox th:nth-last-child(3) { width: 12rem; }
.inbox th:nth-last-child(2) { width: 6rem; }
.inbox th:last-child { width: 5rem; }
.inbox.with-states th:nth-child(3) { width: 9.5rem; }
.inbox .number { text-align: right; }
.pager { display: flex; justify-content: space-between; margin-top: 1rem; }
.pager a { margin: 0; }
.pager a:only-child[rel=next] { margin-left: auto; }

.first-mail { max-width: 48rem; margin: 1.5rem auto 0; }
.first-mail > p { margin-bottom: 1.25rem; }
.first-mail code { padding: 0.1rem 0.35rem; border-radius: 4px; background: var(--plain); color: var(--text); }
.copy { user-select: all; }

dl { display: grid; gap: 0.25rem; margin: 0; }
dl div { display: grid; grid-template-columns: 6rem 1fr; gap: 0.75rem; }
dt { color: var(--dim); }
dd { margin: 0; }
.recipients { list-style: none; margin: 0; padding: 0; }
.recipients > li { padding: 0.5rem 0; border-top: 1px solid var(--line); }
.recipients > li:first-child { border-top: 0; padding-top: 0; }
.recipients > li:last-child { padding-bottom: 0; }
.recipients p { margin: 0; }
.attempts { margin: 0.25rem 0 0; padding-left: 1.75rem; font-size: 0.875rem; }
.attempts li { margin: 0.25rem 0; }
.attempts samp { color: var(--dim); }
.source { max-height: 75vh; white-space: pre-wrap; unicode-bidi: plaintext; }

@media (max-width: 46rem) {
  body { padding: 0 0.75rem 2rem; }
  .inbox, .inbox tbody { display: block; }
  .inbox thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .inbox tbody tr { display: grid; grid-template-columns: 1fr auto; gap: 0.125rem 0.75rem; padding: 0.625rem 0.875rem;
    border-top: 1px solid var(--line); }
  .inbox tbody tr:first-child { border-top: 0; border-radius: 9px 9px 0 0; }
  .inbox td { border: 0; padding: 0; }
  .inbox .from { grid-area: 1 / 1; }
  .inbox .source { grid-area: 1 / 2; text-align: right; }
  .inbox .to { grid-area: 2 / 1 / auto / span 2; }
  .inbox .when { grid-area: 3 / 1; }
  .inbox .size { grid-area: 3 / 2; }
  .inbox .states { grid-area: 4 / 1 / auto / span 2; }
  dl div { grid-template-columns: 1fr; gap: 0; margin-bottom: 0.375rem; }
}
`;
