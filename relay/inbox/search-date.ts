// Points in time as people write them behind `after:` and `before:`. What has no zone is meant in the one given.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH = '(?<name>jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\\.?';
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/i;
const TIME =
  /(?:^|[\sT,]+)(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(am|pm)?\s*(z|utc|gmt|[+-]\d{2}:?\d{2})?$/i;
const DAYS: readonly RegExp[] = [
  /^(?<year>\d{4})(?:[-/.](?<month>\d{1,2})(?:[-/.](?<day>\d{1,2}))?)?$/,
  /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})$/,
  // As Mailpit reads them: 11/22/2026 is American, 22.11.2026 is not.
  /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4})$/,
  /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
  new RegExp(`^(?<day>\\d{1,2})(?:st|nd|rd|th)?[\\s-]+${MONTH}[\\s,-]+(?<year>\\d{4})$`, 'i'),
  new RegExp(`^${MONTH}\\s+(?<day>\\d{1,2})(?:st|nd|rd|th)?,?\\s+(?<year>\\d{4})$`, 'i'),
  new RegExp(`^${MONTH}\\s+(?<year>\\d{4})$`, 'i'),
];
const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

export const DATE_FORMS = '2026-11-22, "22 Nov 2026 14:30", 2026-11-22T14:30:00Z, 7d, 12h, today or yesterday';

/** Milliseconds since the epoch; null for what is no date. Throws RangeError for a zone that does not exist. */
export function parseSearchDate(text: string, now: number, timeZone: string | undefined): number | null {
  const value = text.trim().toLowerCase();
  const zone = new ZonedTime(timeZone);
  if (value === 'now') return now;
  if (value === 'today') return zone.midnight(now, 0);
  if (value === 'yesterday') return zone.midnight(now, -1);
  const [, amount, unit] = /^-?(\d{1,6}(?:\.\d{1,3})?)\s*(s|min|m|h|d|w|y)(?: ago)?$/.exec(value) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNITS[unit!]!;
  if (/^\d{10}$/.test(value)) return Number(value) * 1000;
  if (/^\d{13}$/.test(value)) return Number(value);
  return calendarTime(value.replace(WEEKDAY, ''), zone);
}

function calendarTime(value: string, zone: ZonedTime): number | null {
  const whole = dayOf(value);
  if (whole !== null) return zone.at(whole, 0);
  const time = TIME.exec(value);
  const day = time === null ? null : dayOf(value.slice(0, time.index));
  if (time === null || day === null) return null;
  const [, hourText, minute = '0', second = '0', fraction = '', half, offset] = time;
  const hour = half === undefined ? Number(hourText) : (Number(hourText) % 12) + (half === 'pm' ? 12 : 0);
  // An hour alone is none without am or pm: `2026-11-22 5` is a slip.
  if (time[2] === undefined && half === undefined) return null;
  if (hour > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const ms = ((hour * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
  return offset === undefined ? zone.at(day, ms) : day + ms - offsetOf(offset);
}

/** The midnight, as if in UTC, with which a day (month, year) begins. */
function dayOf(text: string): number | null {
  for (const form of DAYS) {
    const groups = form.exec(text)?.groups;
    if (!groups) continue;
    const { name, month: number = '1', day: ofMonth = '1', year: inFull } = groups;
    const month = name === undefined ? Number(number) - 1 : MONTHS.indexOf(name.slice(0, 3));
    const [year, day] = [Number(inFull), Number(ofMonth)];
    const time = Date.UTC(year, month, day);
    const date = new Date(time);
    // There is no 30th of February, whatever Date makes of it.
    return date.getUTCMonth() === month && date.getUTCDate() === day && year >= 1970 ? time : null;
  }
  return null;
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** A zone of the IANA database, or the machine's. */
class ZonedTime {
  private readonly format: Intl.DateTimeFormat;

  constructor(timeZone: string | undefined) {
    this.format = new Intl.DateTimeFormat('en-US', {
      ...(timeZone === undefined || timeZone === '' ? {} : { timeZone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** When its clocks show this day and time of day. In a gap of summer time: the moment after it. */
  at(day: number, ms: number): number {
    const wall = day + ms;
    // The offset is asked for near the time that is looked for, and again there: it may have changed in between.
    const guess = wall - this.offset(wall);
    return wall - this.offset(guess);
  }

  midnight(now: number, days: number): number {
    const wall = now + this.offset(now);
    return this.at(Math.floor(wall / 86_400_000) * 86_400_000 + days * 86_400_000, 0);
  }

  /** How far its clocks are ahead of UTC. */
  private offset(time: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(time)) part[type] = Number(value);
    const { year, month, day, hour, minute, second } = part as Record<
      'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
      number
    >;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  }
}
