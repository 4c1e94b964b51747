// The Date field (RFC 5322 3.3 and the obsolete forms of 4.3), read strictly enough that no text becomes a date by chance.

const RFC_5322 =
  /^(?:[a-z]{3,9}\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3,9})\.?[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([+-]\d{4}|[a-z]{1,5})?/i;
const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Hours from UTC of the zones with names; others, the military ones among them, tell nothing (RFC 5322 4.3). */
const ZONES: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/** Milliseconds since the epoch; null for what is no date. Without a zone it is UTC. */
export function parseMailDate(text: string): number | null {
  const value = text.slice(0, 200).trim();
  if (ISO.test(value)) {
    const time = Date.parse(
      /T| /.test(value) && !/(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? `${value.replace(' ', 'T')}Z` : value,
    );
    return Number.isNaN(time) ? null : time;
  }
  const found = RFC_5322.exec(value);
  if (found === null) return null;
  const [, day, monthName, yearText, hour, minute, second = '0', zone = '+0000'] = found;
  const month = MONTHS.indexOf(monthName!.slice(0, 3).toLowerCase());
  if (month === -1 || Number(day) < 1 || Number(day) > 31) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const local = Date.UTC(fullYear(yearText!), month, Number(day), Number(hour), Number(minute), Number(second));
  return local - offsetMinutes(zone) * 60_000;
}

/** RFC 5322 4.3: two digits from 50 up, and three, count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 4) return year;
  return digits.length === 3 || year >= 50 ? 1900 + year : 2000 + year;
}

function offsetMinutes(zone: string): number {
  const named = zone.toUpperCase();
  if (Object.hasOwn(ZONES, named)) return ZONES[named]! * 60;
  const [, sign, hours, minutes] = /^([+-])(\d{2})(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
