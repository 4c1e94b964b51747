// JSON as Go reads and writes it: the texts are what clients and their tests have seen for years.
import { expect } from 'chai';
import { ApiError } from '../../../proxy/control/api-error.ts';
import { decodeStruct } from '../../../proxy/control/go-decode.ts';
import { encodeGoJson, Float32 } from '../../../proxy/control/go-encode.ts';
import { parseGoJson } from '../../../proxy/control/go-json.ts';

const BAD: [text: string, error: string][] = [
  ['', 'EOF'],
  [' \n', 'EOF'],
  ['{', 'unexpected EOF'],
  ['[1,', 'unexpected EOF'],
  ['"abc', 'unexpected EOF'],
  ['tru', 'unexpected EOF'],
  ['-', 'unexpected EOF'],
  ['x', "invalid character 'x' looking for beginning of value"],
  ["'", "invalid character '\\'' looking for beginning of value"],
  ['\u0001', "invalid character '\\x01' looking for beginning of value"],
  ['é', "invalid character 'Ã' looking for beginning of value"],
  ['{a', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" 1', "invalid character '1' after object key"],
  ['{"a":1 "', "invalid character '\"' after object key:value pair"],
  ['{"a":01}', "invalid character '1' after object key:value pair"],
  ['[1 2', "invalid character '2' after array element"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['trux', "invalid character 'x' in literal true (expecting 'e')"],
  ['nil', "invalid character 'i' in literal null (expecting 'u')"],
  ['-a', "invalid character 'a' in numeric literal"],
  ['1.a', "invalid character 'a' after decimal point in numeric literal"],
  ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
];

const STRUCT = { name: 'S', type: 'p.S', fields: { i: 'int64', f: 'float32', s: 'string', b: 'bool' } } as const;

const TYPES: [text: string, error: string][] = [
  ['{"i":"x"}', 'string into Go struct field S.i of type int64'],
  ['{"i":1.0}', 'number 1.0 into Go struct field S.i of type int64'],
  ['{"i":9223372036854775808}', 'number 9223372036854775808 into Go struct field S.i of type int64'],
  ['{"f":1e39}', 'number 1e39 into Go struct field S.f of type float32'],
  ['{"s":1.5}', 'number into Go struct field S.s of type string'],
  ['{"s":[]}', 'array into Go struct field S.s of type string'],
  ['{"s":{}}', 'object into Go struct field S.s of type string'],
  ['{"b":"true"}', 'string into Go struct field S.b of type bool'],
  ['{"s":true}', 'bool into Go struct field S.s of type string'],
  ['[]', 'array into Go value of type p.S'],
  ['"x"', 'string into Go value of type p.S'],
];

function errorOf(run: () => unknown): [number, string] {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return [error.status, error.message];
    throw error;
  }
  return [200, ''];
}

describe('proxies: JSON as in Go', () => {
  for (const [text, error] of BAD) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(errorOf(() => parseGoJson(Buffer.from(text)))).to.deep.equal([400, `bad request body: ${error}`]);
    });
  }

  for (const [text, error] of TYPES) {
    it(`refuses the types of ${text}`, () => {
      const wanted = `bad request body: json: cannot unmarshal ${error}`;
      expect(errorOf(() => decodeStruct(parseGoJson(Buffer.from(text)), STRUCT))).to.deep.equal([400, wanted]);
    });
  }

  it('refuses what is nested too deep', () => {
    const [, message] = errorOf(() => parseGoJson(Buffer.from('['.repeat(20_000))));
    expect(message).to.equal('bad request body: exceeded max depth');
  });

  it('reads what JSON.parse reads, and ignores what stands behind', () => {
    const values: [string, unknown][] = [
      ['{"s":"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9é"} {', { s: 'a"\\/\b\f\n\r\téé' }],
      ['{"I":-5,"f":0.25,"b":true,"unknown":[{}]}]', { i: -5, f: 0.25, b: true }],
      ['{"s":null,"i":null}', {}],
      ['{"s":"\\ud83d\\ude00 \\ud83d"}', { s: '😀 \ufffd' }],
      ['null', {}],
      ['{"s":"a","S":"b"}', { s: 'b' }],
    ];
    for (const [text, value] of values) {
      expect(decodeStruct(parseGoJson(Buffer.from(text)), STRUCT), text).to.deep.equal(value);
    }
  });

  it('writes float32 with as few digits as name it', () => {
    const texts: [number, string][] = [
      [0.1, '0.1'],
      [1 / 3, '0.33333334'],
      [1, '1'],
      [5, '5'],
      [-0.25, '-0.25'],
      [16_777_216, '16777216'],
      [1e-7, '1e-7'],
      [0, '0'],
    ];
    for (const [value, text] of texts) expect(encodeGoJson(new Float32(value))).to.equal(text);
  });
});
