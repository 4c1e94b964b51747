// One-time passwords in a mail: what somebody would type into the form that asked for it. By the words beside it, since
// six digits alone can be anything.
import { htmlToText } from './html-text.ts';
import type { ParsedMail } from './parsed-mail.ts';

const MAX_TEXT = 200_000;
const MAX_CANDIDATES = 2000;
const MAX_CODES = 20;
/** Characters before and behind a candidate in which a word may stand. */
const BEFORE = 80;
const BEHIND = 60;
const FAR_BEFORE = 300;

/** Words that name a code, as parts of words where languages compound (`Bestätigungscode`, `passcode`). */
const WORDS = new RegExp(
  [
    '(?:pass|security|verification|confirmation|access|login|auth(?:entication|orisation|orization)?)[\\s-]?(?:code|key|pin|number)',
    '\\b(?:code|otp|totp|pin|tan|mtan|token|passcode|one[\\s-]time\\s(?:password|pass|pin))s?\\b',
    '\\b(?:temporary|one[\\s-]time|initial|einmal(?:iges)?)[\\s-]?(?:password|passwort|kennwort)',
    '(?:sicherheits|bestätigungs|verifizierungs|zugangs|anmelde|einmal|freischalt|prüf|aktivierungs)[-]?(?:code|pin|kennwort|passwort|nummer|schlüssel)',
    '\\b(?:kennwort|passwort|password|kod|kodu|kode|koodi|kód|codigo|código|codice|clave|contraseña|mot de passe|wachtwoord|hasło)\\b',
    '(?:код|пароль|κωδικ|验证码|驗證碼|校验码|动态码|認証コード|確認コード|ワンタイム|パスコード|인증\\s?번호|인증\\s?코드|رمز)',
  ].join('|'),
  'giu',
);
/** With these before it a code is none that logs in. */
const OTHER_CODE =
  /(?:promo(?:tion)?|discount|coupon|voucher|gift|zip|postal|post|area|country|dial(?:ling)?|error|status|exit|source|response|product|item|bar|qr|sort|swift|tracking|rabatt|gutschein|fehler|artikel|vorwahl)[\s-]?$/iu;
/** And with these behind it: `code promo`, `code of conduct`. */
const OTHER_CODE_BEHIND =
  /^[\s-]?(?:promo|postal|article|barres?|cadeau|of\b|review|base\b|name\b|word\b|snippet|block|page|quality|freeze)/iu;
/** Mails about passwords have many numbers; only what stands just beside such a word is one. */
const WEAK = /^(?:kennwort|passwort|password|contraseña|mot de passe|wachtwoord|hasło|пароль|clave)$/iu;
/** What numbers are that are no codes, said just before them. */
const OTHER_NUMBER =
  /(?:order|invoice|ticket|case|reference|ref|account|customer|booking|phone|tel|telephone|mobile|fax|zip|plz|version|build|port|rfc|issue|no|nr|nummer|id|bestellung|rechnung|kunden\p{L}*|article|page|room|card|karte|konto|iban|street|str|ust|vat|error)\.?\s*(?:number|no|nr|id|code)?\.?\s*[#:.]?\s*$/iu;

const CANDIDATE =
  /(?<![\p{L}\p{N}_#$€£¥+.,/:@=&%-]|\d[ \u00a0])(?:(?<spaced>\d(?: \d){3,7})|(?<pair>\d{3,4}[ \u00a0]\d{3,4})|(?<dashed>[A-Z0-9]{1,5}(?:-[A-Z0-9]{3,6}){1,3})|(?<digits>\d{4,8})|(?<mixed>[A-Za-z0-9]{4,12}))(?![\p{L}\p{N}_@%€£$-]|[.,:/]\d|[ \u00a0]?\d)/gu;
const AMOUNT_BEHIND =
  /^\s?(?:€|\$|£|%|eur|usd|gbp|chf|euro|dollars?|minut|min\b|sec|sek|hour|hr|stunde|day|tag|week|month|year|px|kb|mb|gb|bytes?)/iu;
const AMOUNT_BEFORE = /(?:[$€£¥]|eur|usd|gbp|chf|©|\(c\))\s?$/iu;

/** Best first; those that look alike in strength in their order. At most 20. */
export function codesOf(mail: ParsedMail): string[] {
  const found = new Map<string, number>();
  const texts = [mail.subject, mail.text, mail.html === '' ? '' : htmlToText(mail.html, { limit: MAX_TEXT })];
  for (const text of texts) {
    for (const { code, strength } of codesIn(text.slice(0, MAX_TEXT))) {
      found.set(code, Math.max(strength, found.get(code) ?? 0));
    }
  }
  return [...found]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_CODES)
    .map(([code]) => code);
}

function* codesIn(text: string): Generator<{ readonly code: string; readonly strength: number }> {
  let candidates = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    if (++candidates > MAX_CANDIDATES) return;
    const groups = match.groups ?? {};
    const strength = strengthOf(text, match.index, match[0], groups);
    const { spaced, pair } = groups;
    if (strength > 0) yield { code: (spaced ?? pair) ? match[0].replace(/[ \u00a0]/g, '') : match[0], strength };
  }
}

/** 0: none. 3: a word stands just beside it; 2: in the same sentence; 1: it stands alone below one. */
function strengthOf(
  text: string,
  at: number,
  code: string,
  groups: Readonly<Record<string, string | undefined>>,
): number {
  const { digits, mixed, dashed, spaced } = groups;
  // Words have no digits in them, codes nearly always do.
  if ((mixed ?? dashed) !== undefined && !/\d/.test(code)) return 0;
  if (dashed !== undefined && /^\d{1,4}-\d{1,2}-\d{1,4}$/.test(code)) return 0;
  const end = at + code.length;
  const before = text.slice(Math.max(0, at - BEFORE), at);
  const behind = text.slice(end, end + BEHIND);
  if (AMOUNT_BEFORE.test(before) || AMOUNT_BEHIND.test(behind) || OTHER_NUMBER.test(before.replace(WORDS, 'WORD')))
    return 0;
  const isAlone = /(?:^|\n)[ \t*>|_]*$/.test(before) && /^[ \t*|_.]*(?:\r?\n|$)/.test(behind);
  if (spaced !== undefined && !isAlone) return 0;
  const word = lastWord(before);
  // The sentence goes on to the code, over a line's end too, but not over an empty line unless it stands alone there.
  const between = word === null ? '' : before.slice(word.end);
  const isNear = word !== null && !/[.!?;](?:\s|$)|\n\s*\n/.test(between) && !word.isOther;
  if (isNear && /^[\s"'*]*(?:(?:is|ist|lautet|es|est|è|är|er|:|=|：|は|是|-|–|—|>)[\s"'*]*){0,2}$/iu.test(between))
    return 3;
  const isYear = digits !== undefined && /^(?:19|20)\d\d$/.test(code);
  if (isYear) return 0;
  // Mixed case is read as a code only just beside the word: it is somebody's name or a product otherwise.
  if (mixed !== undefined && /[a-z]/.test(code)) return 0;
  const next = firstWord(behind);
  if (next !== null && /^[\s"'*,:–-]*(?:(?:is|ist|es|est|as|als|are)\b|\W*$)?[^.!?\n]*$/iu.test(behind.slice(0, next)))
    return 3;
  if (isNear && !word.isWeak) return 2;
  if (!isAlone) return 0;
  const far = lastWord(text.slice(Math.max(0, at - FAR_BEFORE), at));
  return far === null || far.isOther || far.isWeak ? 0 : 1;
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly isOther: boolean;
  readonly isWeak: boolean;
}

function* wordsIn(text: string): Generator<Word> {
  for (const match of text.matchAll(WORDS)) {
    const end = match.index + match[0].length;
    const isOther = OTHER_CODE.test(text.slice(0, match.index)) || OTHER_CODE_BEHIND.test(text.slice(end));
    yield { start: match.index, end, isOther, isWeak: WEAK.test(match[0]) };
  }
}

function lastWord(text: string): Word | null {
  let last: Word | null = null;
  for (const word of wordsIn(text)) last = word;
  return last;
}

/** Where the first word begins; null when there is none that counts. */
function firstWord(text: string): number | null {
  const [first] = wordsIn(text);
  return first === undefined || first.isOther || first.isWeak ? null : first.start;
}
