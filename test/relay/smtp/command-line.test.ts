// A command line taken apart: verb and argument, ESMTP parameters, and the bytes that are no text of a command.
import { expect } from 'chai';
import { parseCommandLine, parseParameters } from '../../../relay/smtp/command-line.ts';

function parsed(line: string): string {
  const command = parseCommandLine(line);
  if ('code' in command) return `${command.code} ${command.status}`;
  return command.argument === '' ? command.verb : `${command.verb} | ${command.argument}`;
}

describe('parseCommandLine', () => {
  const LINES: readonly [line: string, result: string][] = [
    ['NOOP', 'NOOP'],
    ['noop', 'NOOP'],
    ['ehlo c.example', 'EHLO | c.example'],
    ['EHLO   c.example  ', 'EHLO | c.example'],
    ['EHLO\tc.example', 'EHLO | c.example'],
    ['MAIL FROM:<a@x.example> SIZE=1', 'MAIL | FROM:<a@x.example> SIZE=1'],
    ['RSET ', 'RSET'],
    ['', ''],
    ['   ', ''],
    [' NOOP', ' | NOOP'],
    ['MAIL FROM:<\xc3\xa9@x>', 'MAIL | FROM:<é@x>'],
    ['EHLO \xe6\x97\xa5', 'EHLO | 日'],
    ['NOOP\0', '500 5.5.2'],
    ['NOOP \x1b[31m', '500 5.5.2'],
    ['NOOP\x7f', '500 5.5.2'],
    ['NO\x0bOP', '500 5.5.2'],
    ['MAIL FROM:<a\0b@x>', '501 5.5.2'],
    ['mail FROM:<a@x>\rRCPT TO:<b@x>', '501 5.5.2'],
    ['RCPT TO:<a\nb@x>', '501 5.5.2'],
    ['MAILX\0', '500 5.5.2'],
    ['MAIL FROM:<\xe9@x>', '500 5.5.2'],
    ['MAIL FROM:<\xc3>', '500 5.5.2'],
    ['MAIL FROM:<\xed\xa0\x80@x>', '500 5.5.2'],
    ['MAIL FROM:<\xc0\xae@x>', '500 5.5.2'],
    ['\xff\xfe', '500 5.5.2'],
  ];
  for (const [line, result] of LINES) {
    it(`${JSON.stringify(line)} is ${result || 'no verb'}`, () => expect(parsed(line)).to.equal(result));
  }
});

describe('parseParameters', () => {
  const TEXTS: readonly [text: string, result: readonly (readonly [string, string])[] | null][] = [
    ['', []],
    ['SIZE=1', [['SIZE', '1']]],
    [
      'size=1  body=8BITMIME',
      [
        ['SIZE', '1'],
        ['BODY', '8BITMIME'],
      ],
    ],
    ['SMTPUTF8', [['SMTPUTF8', '']]],
    ['X-y9=a+3Db', [['X-Y9', 'a+3Db']]],
    ['A=é', [['A', 'é']]],
    ['SIZE=', null],
    ['=1', null],
    ['SIZE=1=2', null],
    ['-A=1', null],
    ['A_B=1', null],
    ['SIZE=1 SIZE=2', null],
    ['SIZE=1 Size=1', null],
    ['SIZE=1\tBODY=7BIT', null],
    ['SIZE=\x7f', null],
    ['__proto__=1', null],
  ];
  for (const [text, result] of TEXTS) {
    it(`${JSON.stringify(text)} is ${JSON.stringify(result)}`, () =>
      expect(parseParameters(text)).to.deep.equal(result));
  }
});
