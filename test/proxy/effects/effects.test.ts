// What effects do to a dialogue: which lines they find, what becomes of them, and that nothing else is touched.
import { expect } from 'chai';
import { Effects } from '../../../proxy/effects/effects.ts';
import { Bench, bytes } from './bench.ts';

/** An SMTP session up to a point. */
const greeted = (rules: readonly string[]): Bench => new Bench('smtp', rules).s('220 hi|').c('EHLO a|').s('250 x|');

describe('proxy: effects', () => {
  describe('which', () => {
    const DIALOGUE = ['NOOP', 'noop', 'NOOP x', 'MAIL FROM:<NOOP>', 'NOOP', 'NOOP', 'NOOP'];
    const CASES: readonly (readonly [string, hits: readonly number[]])[] = [
      ['client NOOP: drop', [1, 2, 3, 5, 6, 7]],
      ['client noop #2: drop', [2]],
      ['client NOOP #2-3: drop', [2, 3]],
      ['client NOOP #3-: drop', [3, 5, 6, 7]],
      ['client NOOP every 3: drop', [3, 7]],
      ['client NOOP #2- every 2: drop', [3, 6]],
      ['client /NOOP/: drop', [1, 3, 4, 5, 6, 7]],
      ['client /^noop/i: drop', [1, 2, 3, 5, 6, 7]],
      ['client /FROM:<[^/]*>/: drop', [4]],
      ['client: drop', [1, 2, 3, 4, 5, 6, 7]],
      ['client NOOP conn 2: drop', []],
      ['client NOOP conn 1: drop', [1, 2, 3, 5, 6, 7]],
      ['client NOOP 0%: drop', []],
      ['client NOOP 100%: drop', [1, 2, 3, 5, 6, 7]],
      ['server NOOP: drop', []],
      ['client body: drop', []],
    ];
    for (const [rule, hits] of CASES) {
      it(`${rule}`, () => {
        const bench = new Bench('smtp', [rule]).s('220 hi|');
        for (const line of DIALOGUE) bench.c(`${line}|`);
        const left = DIALOGUE.filter((_, i) => !hits.includes(i + 1));
        expect(bench.atServer).to.equal(left.map((line) => `${line}|`).join(''));
        expect(bench.hits).to.deep.equal([hits.length]);
      });
    }

    it('finds verbs behind tags, and replies by their code', () => {
      const bench = new Bench('imap', ['client NOOP: delay 1s', 'server OK: delay 2s', 'server *: delay 3s']);
      bench.s('* OK hi|').wait(3000).c('a1 NOOP|').wait(1000).s('a1 OK done|').wait(2000);
      expect(bench.hits).to.deep.equal([1, 2, 0]);
      const smtp = new Bench('smtp', ['server 250: delay 1ms']).s('220 x|').c('EHLO a|').s('250-a|250 b|').wait(2);
      expect(smtp.hits).to.deep.equal([2]);
    });

    it('counts over all connections, or in each', () => {
      for (const [rule, hits] of [
        ['client NOOP #1: drop', 1],
        ['client NOOP #1 each: drop', 3],
      ] as const) {
        const effects = new Effects([rule]);
        for (const conn of [1, 2, 3]) new Bench('smtp', [], conn, effects).s('220 x|').c('NOOP|NOOP|');
        expect(effects.all[0]?.hits, rule).to.equal(hits);
      }
    });

    it('takes chances that a seed makes the same again, on each connection its own', () => {
      const run = (seed: number, conn: number): string => {
        const bench = new Bench('smtp', [`client NOOP 50% seed ${seed}: drop`], conn).s('220 x|');
        for (let i = 0; i < 40; i++) bench.c(`NOOP ${i}|`);
        return bench.atServer;
      };
      expect(run(7, 1)).to.equal(run(7, 1));
      expect(run(7, 1)).to.not.equal(run(8, 1));
      expect(run(7, 1)).to.not.equal(run(7, 2));
    });

    it('does all that match, in their order, until one takes the line away', () => {
      const bench = greeted([
        'client NOOP: rewrite /NOOP/ => HELP',
        'client NOOP #2: drop',
        'client NOOP: rewrite /HELP/ => VRFY',
      ]);
      bench.c('NOOP|').c('NOOP|');
      expect(bench.atServer).to.equal('EHLO a|VRFY|');
      expect(bench.hits).to.deep.equal([2, 1, 2]);
    });
  });

  describe('delay', () => {
    it('holds a line, and what is behind it, and nothing of the other direction', () => {
      const bench = greeted(['client MAIL: delay 500ms']).c('MAIL FROM:<a>|RCPT TO:<b>|').s('250 x|');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['EHLO a|', '220 hi|250 x|250 x|']);
      bench.wait(499);
      expect(bench.atServer).to.equal('EHLO a|');
      bench.wait(1);
      expect(bench.atServer).to.equal('EHLO a|MAIL FROM:<a>|RCPT TO:<b>|');
    });

    it('counts from when the line came: lines in a row are late together', () => {
      const bench = greeted(['client NOOP: delay 500ms']).c('NOOP|NOOP|').wait(500);
      expect(bench.atServer).to.equal('EHLO a|NOOP|NOOP|');
    });

    it('ends the stream behind what waits', () => {
      const bench = greeted(['client QUIT: delay 1s']).c('QUIT|').finish('client');
      expect(bench.ended).to.deep.equal([]);
      bench.wait(1000);
      expect([bench.atServer, bench.ended]).to.deep.equal(['EHLO a|QUIT|', ['client']]);
    });

    it('pauses a side that says too much meanwhile', () => {
      const bench = new Bench('raw', ['client: delay 1s']).feed('client', Buffer.alloc(70_000));
      expect(bench.paused).to.deep.equal({ client: true, server: false });
      bench.wait(1000);
      expect(bench.paused.client).to.equal(false);
      expect(Buffer.concat(bench.passed.client).length).to.equal(70_000);
    });
  });

  it('throttles to a rate', () => {
    const bench = new Bench('raw', ['server: throttle 1000/s']).feed('server', Buffer.alloc(500));
    const got = (): number => Buffer.concat(bench.passed.server).length;
    expect(got()).to.equal(50);
    bench.wait(200);
    expect(got()).to.be.within(200, 250);
    bench.wait(300);
    expect(got()).to.equal(500);
  });

  it('slices at every edge of a line end', () => {
    const bench = greeted(['client: slice 1ms']).c('DATA|').wait(10).s('354 go|').c('a|.|').wait(50);
    const pieces = bench.passed.client.map((piece) => piece.toString('latin1'));
    expect(pieces.slice(pieces.indexOf('DATA'))).to.deep.equal(['DATA', '\r', '\n', 'a', '\r', '\n', '.', '\r', '\n']);
  });

  it('corrupts bytes, the same ones for the same seed, and never the end of the line', () => {
    const run = (rule: string): string => greeted([rule]).c('NOOP|').atServer.slice('EHLO a|'.length);
    expect(run('client NOOP seed 3: corrupt')).to.equal(run('client NOOP seed 3: corrupt')).and.not.equal('NOOP|');
    expect(run('client NOOP seed 3: corrupt 4')).to.match(/\|$/).and.have.length(5);
    expect(run('client NOOP seed 3: corrupt at 1')).to.match(/^N[^O]OP\|$/);
  });

  describe('drop', () => {
    it('takes a command away, and nobody waits for its answer', () => {
      const bench = greeted(['client RCPT #1: drop']);
      bench.c('MAIL FROM:<a>|RCPT TO:<b>|RCPT TO:<c>|DATA|').s('250 m|250 c|354 go|').c('text|.|').s('250 done|');
      expect(bench.atServer).to.equal('EHLO a|MAIL FROM:<a>|RCPT TO:<c>|DATA|text|.|');
      const last = bench.events.findLast((event) => event.type === 'frame');
      expect(last).to.include({ from: 'server', kind: 'reply' });
      expect(last?.type === 'frame' && last.latency).to.be.a('number');
    });

    it('takes the command that everything would wait for, and what follows is a command', () => {
      const bench = greeted(['client DATA #1: drop'])
        .c('DATA|')
        .c('RSET|')
        .s('250 x|')
        .c('DATA|')
        .s('354 x|')
        .c('RSET|.|');
      expect(bench.atServer).to.equal('EHLO a|RSET|DATA|RSET|.|');
    });

    it('takes what belongs to a command: a chunk, a literal', () => {
      const bdat = greeted(['client BDAT #1: drop']).c('BDAT 6|RSET|BDAT 3 LAST|abc').s('250 x|').c('QUIT|');
      expect(bdat.atServer).to.equal('EHLO a|BDAT 3 LAST|abcQUIT|');
      const imap = new Bench('imap', ['client APPEND: drop'])
        .s('* OK x|')
        .c('a APPEND x {5+}|b x|')
        .c(' {2+}|xy)|b NOOP|');
      expect(imap.atServer).to.equal('b NOOP|');
    });

    it('takes one line of a reply', () => {
      const bench = new Bench('smtp', ['server /PIPELINING/: drop'])
        .s('220 x|')
        .c('EHLO a|')
        .s('250-x|250-PIPELINING|250 y|');
      expect(bench.atClient).to.equal('220 x|250-x|250 y|');
    });

    it('takes a content', () => {
      const bench = greeted(['client body: drop']).c('DATA|').s('354 x|').c('a|b|.|').c('QUIT|');
      expect(bench.atServer).to.equal('EHLO a|DATA|QUIT|');
    });
  });

  describe('answer', () => {
    it('answers in the place of the server, which never hears of the command', () => {
      const bench = greeted(['client DATA #1: answer 451 4.3.0 come later']).c('DATA|');
      expect(bench.atClient).to.equal('220 hi|250 x|451 4.3.0 come later|');
      bench.c('DATA|').s('354 go|').c('x|.|').s('250 ok|');
      expect(bench.atServer).to.equal('EHLO a|DATA|x|.|');
      expect(bench.atClient).to.equal('220 hi|250 x|451 4.3.0 come later|354 go|250 ok|');
      const [command, answer] = bench.touched;
      expect([command?.from, answer?.from, answer?.answers]).to.deep.equal(['client', 'server', command?.seq]);
    });

    it('comes in its turn among pipelined commands, however the replies are cut', () => {
      const replies = '250 mail|250 two|354 data|';
      for (let cut = 1; cut < bytes(replies).length; cut++) {
        const bench = greeted(['client RCPT #1: answer 450 one']);
        bench.c('MAIL FROM:<a>|RCPT TO:<1>|RCPT TO:<2>|DATA|');
        bench.feed('server', bytes(replies).subarray(0, cut)).feed('server', bytes(replies).subarray(cut));
        bench.c('x|.|');
        expect(bench.atClient, `cut at ${cut}`).to.equal('220 hi|250 x|250 mail|450 one|250 two|354 data|');
        expect(bench.atServer, `cut at ${cut}`).to.equal('EHLO a|MAIL FROM:<a>|RCPT TO:<2>|DATA|x|.|');
      }
    });

    it('has several lines where it is told so', () => {
      const bench = new Bench('smtp', ['client EHLO: answer 250-x\\r\\n250 SIZE 10'])
        .s('220 hi|')
        .c('EHLO a|')
        .c('NOOP|')
        .s('250 n|');
      expect(bench.atClient).to.equal('220 hi|250-x|250 SIZE 10|250 n|');
    });

    it('swallows a chunk, and answers behind it', () => {
      const bench = greeted(['client BDAT: answer 552 too much']).c('BDAT 4 LAST|QU').c('ITQUIT|').s('221 bye|');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['EHLO a|QUIT|', '220 hi|250 x|552 too much|221 bye|']);
    });

    it('takes the tag of IMAP, and swallows literals or spares them', () => {
      const bench = new Bench('imap', ['client APPEND: answer NO [OVERQUOTA] full']).s('* OK hi|');
      bench.c('a1 APPEND x {3+}|abc|').c('a2 APPEND y {3}|').c('a3 NOOP|').s('a3 OK done|');
      expect(bench.atServer).to.equal('a3 NOOP|');
      expect(bench.atClient).to.equal('* OK hi|a1 NO [OVERQUOTA] full|a2 NO [OVERQUOTA] full|a3 OK done|');
    });

    it('makes a whole response of HTTP', () => {
      const bench = new Bench('http', ['client GET #2: answer 503 Busy']);
      bench.c('GET /a HTTP/1.1|Host: x||GET /b HTTP/1.1|Host: x||GET /c HTTP/1.1|Host: x||');
      bench.s('HTTP/1.1 200 OK|Content-Length: 1||aHTTP/1.1 200 OK|Content-Length: 1||c');
      expect(bench.atServer).to.equal('GET /a HTTP/1.1|Host: x||GET /c HTTP/1.1|Host: x||');
      expect(bench.atClient).to.match(
        /\|\|aHTTP\/1\.1 503 Busy\|.*Content-Length: 9\|\|503 Busy\nHTTP\/1\.1 200 OK\|.*\|\|c$/,
      );
    });

    it('sees a command of Redis as one thing, however it is cut', () => {
      const said = bytes('*2|$3|GET|$1|a|*3|$3|SET|$1|b|$4|x|y|*1|$4|PING|GET b|');
      for (let size = 1; size < said.length; size++) {
        const rules = [
          'client GET #1: answer -LOADING later',
          'client /^SET b x/: rewrite /x|b/ => long',
          'client PING: drop',
        ];
        const bench = new Bench('resp', rules);
        for (let at = 0; at < said.length; at += size) bench.feed('client', said.subarray(at, at + size));
        bench.s('+OK|$-1|');
        expect(bench.atServer, `pieces of ${size}`).to.equal('*3|$3|SET|$4|long|$7|long|y|GET b|');
        expect(bench.atClient, `pieces of ${size}`).to.equal('-LOADING later|+OK|$-1|');
      }
    });

    it('answers at once where nobody knows what answers what', () => {
      const bench = new Bench('line', ['client /^ping/: answer pong']).c('ping\nother\n');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['other\n', 'pong|']);
    });

    it('answers each recipient of LMTP', () => {
      const bench = new Bench('lmtp', ['client RCPT #2: answer 450 no']).s('220 x|').c('LHLO a|').s('250 x|');
      bench
        .c('MAIL FROM:<a>|RCPT TO:<1>|RCPT TO:<2>|DATA|')
        .s('250 m|250 1|354 go|')
        .c('x|.|')
        .s('250 one|')
        .c('QUIT|')
        .s('221 b|');
      expect(bench.atClient).to.equal('220 x|250 x|250 m|250 1|450 no|354 go|250 one|221 b|');
    });
  });

  describe('cut, close, reset', () => {
    const CASES: readonly (readonly [string, passes: string, 'close' | 'reset'])[] = [
      ['client DATA: cut 2', 'EHLO a|DA', 'close'],
      ['client DATA: cut crlf then reset', 'EHLO a|DATA\r', 'reset'],
      ['client DATA: cut middle', 'EHLO a|DAT', 'close'],
      ['client DATA: close', 'EHLO a|', 'close'],
      ['client DATA: reset', 'EHLO a|', 'reset'],
    ];
    for (const [rule, passes, how] of CASES) {
      it(rule, () => {
        const bench = greeted([rule]).c('DATA|').c('more|').s('354 x|');
        expect([bench.atServer, bench.closed]).to.deep.equal([passes, how]);
        expect(bench.atClient).to.equal('220 hi|250 x|');
      });
    }

    it('cuts inside a literal, also far into a long one', () => {
      const imap = new Bench('imap', ['server literal: cut middle'])
        .s('* OK x|')
        .c('a FETCH 1 BODY[]|')
        .s('* 1 FETCH (BODY[] {6}|abcdef)|');
      expect([imap.atClient, imap.closed]).to.deep.equal(['* OK x|* 1 FETCH (BODY[] {6}|abc', 'close']);
      const long = new Bench('imap', ['server literal: cut 50000 then reset'])
        .s('* OK x|')
        .c('a FETCH 1 BODY[]|')
        .s('* 1 FETCH (BODY[] {60000}|');
      for (let i = 0; i < 60; i++) long.s('x'.repeat(1000));
      expect([long.atClient.length, long.closed]).to.deep.equal([
        '* OK x|* 1 FETCH (BODY[] {60000}|'.length + 50_000,
        'reset',
      ]);
    });

    it('comes behind what waits', () => {
      const bench = greeted(['client NOOP: delay 1s', 'client QUIT: close']).c('NOOP|QUIT|');
      expect(bench.closed).to.equal('');
      bench.wait(1000);
      expect([bench.atServer, bench.closed]).to.deep.equal(['EHLO a|NOOP|', 'close']);
    });
  });

  describe('rewrite', () => {
    it('changes a line and leaves its end', () => {
      const bench = greeted(['client MAIL: rewrite /FROM:<(.*)@(.*)>/ => FROM:<$2@$1>']).c('MAIL FROM:<a@b> SIZE=1|');
      expect(bench.atServer).to.equal('EHLO a|MAIL FROM:<b@a> SIZE=1|');
    });

    it('changes a content line by line, under every cut, and ends it nowhere else', () => {
      const content = bytes('Subject: old||old old|hold|..old|bold|.|');
      for (let cut = 0; cut < content.length; cut++) {
        const bench = greeted([
          'client body /old/: rewrite /old/ => .new',
          'client body: rewrite /^hold$|^h.newx?$/ => .',
        ])
          .c('DATA|')
          .s('354 x|');
        bench.feed('client', content.subarray(0, cut)).feed('client', content.subarray(cut)).c('QUIT|');
        expect(bench.atServer).to.equal('EHLO a|DATA|Subject: .new||..new .new|..|...new|b.new|.|QUIT|');
      }
    });

    const COUNTED: readonly (readonly [
      string,
      'imap' | 'smtp' | 'http' | 'resp' | 'memcached',
      string,
      said: string,
      passes: string,
    ])[] = [
      [
        'a literal of the server',
        'imap',
        'server literal: rewrite /b/ => long',
        'S* OK x|;Ca FETCH 1|;S* 1 FETCH ({3}|abc X)|a OK|',
        '* OK x|* 1 FETCH ({6}|alongc X)|a OK|',
      ],
      [
        'a literal that does not wait',
        'imap',
        'client literal: rewrite /b/ => ',
        'S* OK x|;Ca APPEND x {3+}|abc|b NOOP|',
        'a APPEND x {2+}|ac|b NOOP|',
      ],
      [
        'a chunk of BDAT',
        'smtp',
        'client body: rewrite /b/ => xyz',
        'S220 x|;CBDAT 3|abc;CBDAT 2 LAST|de;S250 x|250 x|',
        'BDAT 5|axyzcBDAT 2 LAST|de',
      ],
      [
        'a body with Content-Length',
        'http',
        'server body: rewrite /b/ => bbb',
        'CGET / HTTP/1.1||;SHTTP/1.1 200 OK|Content-Length: 3|X: y||abc',
        'HTTP/1.1 200 OK|Content-Length: 5|X: y||abbbc',
      ],
      [
        'chunks',
        'http',
        'server body: rewrite /b/ => 0123456789abcdef',
        'CGET / HTTP/1.1||;SHTTP/1.1 200 OK|Transfer-Encoding: chunked||3|abc|2|xy|0||',
        'HTTP/1.1 200 OK|Transfer-Encoding: chunked||12|a0123456789abcdefc|2|xy|0||',
      ],
      [
        'a response without its body',
        'http',
        'server body: rewrite /b/ => bbb',
        'CHEAD / HTTP/1.1||;SHTTP/1.1 200 OK|Content-Length: 3||',
        'HTTP/1.1 200 OK|Content-Length: 3||',
      ],
      ['a string of RESP', 'resp', 'server literal: rewrite /b/ => bb', 'C*1|$4|PING|;S$3|abc|', '$4|abbc|'],
      [
        'a value of memcached',
        'memcached',
        'client literal: rewrite /b/ => bb',
        'Cset k 0 0 3|abc|;SSTORED|',
        'set k 0 0 4|abbc|',
      ],
    ];
    for (const [name, protocol, rule, said, passes] of COUNTED) {
      it(`changes the number with ${name}, however it is cut`, () => {
        const bursts = said.split(';');
        for (let size = 1; size < 40; size++) {
          const bench = new Bench(protocol, [rule]);
          for (const burst of bursts) {
            const chunk = bytes(burst.slice(1));
            const from = burst.startsWith('C') ? 'client' : 'server';
            for (let at = 0; at < chunk.length; at += size) bench.feed(from, chunk.subarray(at, at + size));
          }
          expect(rule.startsWith('client') ? bench.atServer : bench.atClient, `pieces of ${size}`).to.equal(passes);
        }
      });
    }

    it('asks for a literal that waits, and hears of the server once', () => {
      const bench = new Bench('imap', ['client literal: rewrite /b/ => long']).s('* OK x|').c('a APPEND x {3}|');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['', '* OK x|+ go on|']);
      bench.c('abc|b NOOP|');
      expect(bench.atServer).to.equal('a APPEND x {6}|');
      bench.s('+ ready|');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['a APPEND x {6}|alongc|b NOOP|', '* OK x|+ go on|']);
      bench.s('a OK done|b OK done|');
      expect(bench.atClient).to.equal('* OK x|+ go on|a OK done|b OK done|');
    });

    it('ends the connection when the server refuses a literal that was said already', () => {
      const bench = new Bench('imap', ['client literal: rewrite /b/ => long'])
        .s('* OK x|')
        .c('a APPEND x {3}|')
        .c('abc|')
        .s('a NO full|');
      expect([bench.atServer, bench.atClient, bench.closed]).to.deep.equal([
        'a APPEND x {6}|',
        '* OK x|+ go on|a NO full|',
        'close',
      ]);
    });
  });

  describe('and everything else', () => {
    it('passes what comes before the line is complete when no rule is for that side', () => {
      const bench = new Bench('smtp', ['client QUIT: delay 1s']).s('220 hi').s(' there|').c('EH').c('LO a|');
      expect(bench.passed.server.map(String)).to.deep.equal(['220 hi', ' there\r\n']);
      expect(bench.passed.client.map(String)).to.deep.equal(['EHLO a\r\n']);
    });

    it('passes again at once when the rules are spent', () => {
      const bench = greeted(['client NOOP #1: answer 250 x']).c('NOOP|').c('NO').s('25');
      expect([bench.atServer, bench.atClient]).to.deep.equal(['EHLO a|NO', '220 hi|250 x|250 x|25']);
    });

    it('lets rules come and go in the middle of a line', () => {
      const bench = greeted([]).c('NO');
      const effect = bench.effects.add('client NOOP: drop');
      bench.c('OP|').c('NOOP|').c('NO');
      expect(bench.atServer).to.equal('EHLO a|NOOP|');
      bench.effects.remove(effect);
      bench.c('OP|').c('NO');
      expect([bench.atServer, effect.hits]).to.deep.equal(['EHLO a|NOOP|NOOP|NO', 1]);
    });

    it('passes prompts after a moment, and lines without an end at the end', () => {
      const bench = new Bench('line', ['server: delay 1ms', 'client: delay 1ms']).s('login: ').wait(49);
      expect(bench.atClient).to.equal('');
      bench.wait(2);
      expect(bench.atClient).to.equal('login: ');
      bench.c('bob').finish('client').wait(100);
      expect([bench.atServer, bench.ended]).to.deep.equal(['bob', ['client']]);
    });

    it('finds out what is spoken, and holds even the first line', () => {
      const bench = new Bench('auto', ['server 220: delay 1s']).s('220 x ESMTP|');
      expect(bench.atClient).to.equal('');
      bench.wait(1000);
      expect(bench.atClient).to.equal('220 x ESMTP|');
      const prompt = new Bench('auto', ['server /^x/: delay 1s']).s('who? ').wait(400);
      expect(prompt.atClient).to.equal('who? ');
    });
  });
});
