const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

const YEAR = String.raw`(?<year>\d{4}|[+-]\d{6})`;
/** A year, a month, a day of a month, a day of a year, a week or a day of it; with hyphens or without. */
const DATE = String.raw`${YEAR}(?:-(?<month>\d\d)(?:-(?<day>\d\d))?|(?<month2>\d\d)(?<day2>\d\d)|-?(?<ordinal>\d{3})|-?W(?<week>\d\d)(?:-?(?<weekday>[1-7]))?)?`;
/** A fraction may follow the last unit that is given. */
const TIME = String.raw`(?<hour>\d\d)(?::?(?<minute>\d\d)(?::?(?<second>\d\d))?)?(?:[.,](?<fraction>\d+))?`;
const ZONE = String.raw`(?:Z|(?<sign>[+-])(?<zoneHour>\d\d)(?::?(?<zoneMinute>\d\d))?)?`;
const INSTANT = new RegExp(`^${DATE}(?:[T ]${TIME}${ZONE})?$`, 'i');

/**
 * The form in which most senders write an instant. `Date` reads it exactly, but takes a 31st for a day of any month.
 */
const USUAL_INSTANT = /^\d{4}-\d\d-(?:[01]\d|2[0-8])T\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;

type Parts = Record<string, string | undefined>;

/**
 * Parses a date and time as ISO 8601 writes them, in its basic and its extended form. A time without a zone is UTC.
 * `Date` reads fewer forms, and a time without a zone in the zone of this server. Digits below milliseconds are
 * dropped, and a leap second is the first one after it.
 *
 * @returns an invalid `Date` for anything else
 */
export function parseInstant(text: string): Date {
  const usual = USUAL_INSTANT.test(text) ? new Date(text) : undefined;
  if (usual && !Number.isNaN(usual.getTime())) return usual;
  const parts: Parts | undefined = INSTANT.exec(text)?.groups;
  return new Date(parts ? dateOf(parts) + timeOf(parts) - zoneOf(parts) : NaN);
}

/** Returns epoch milliseconds, or NaN for a date that is in no calendar. */
function dateOf({ year = '', month, day, month2, day2, ordinal, week, weekday }: Parts): number {
  const start = startOf(Number(year));
  if (week !== undefined) return weekOf(Number(year), Number(week), Number(weekday ?? 1));
  if (ordinal !== undefined) return within(start + (Number(ordinal) - 1) * DAY_MS, start, startOf(Number(year) + 1));
  const date = new Date(start);
  date.setUTCMonth(Number(month ?? month2 ?? 1) - 1, Number(day ?? day2 ?? 1));
  const isSame =
    date.getUTCMonth() + 1 === Number(month ?? month2 ?? 1) && date.getUTCDate() === Number(day ?? day2 ?? 1);
  return isSame ? date.getTime() : NaN;
}

/** The first week of a year has its fourth day. Weeks begin on Monday. */
function weekOf(year: number, week: number, weekday: number): number {
  const first = mondayOf(startOf(year) + 3 * DAY_MS);
  const monday = within(first + (week - 1) * 7 * DAY_MS, first, mondayOf(startOf(year + 1) + 3 * DAY_MS));
  return monday + (weekday - 1) * DAY_MS;
}

function mondayOf(day: number): number {
  return day - ((new Date(day).getUTCDay() + 6) % 7) * DAY_MS;
}

function startOf(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1); // Date.UTC takes 99 for 1999
}

function within(day: number, from: number, before: number): number {
  return day >= from && day < before ? day : NaN;
}

/** Returns milliseconds since midnight, or NaN for a time that is on no clock. */
function timeOf({ hour = '0', minute, second, fraction = '0' }: Parts): number {
  const unit = second !== undefined ? SECOND_MS : minute !== undefined ? MINUTE_MS : HOUR_MS;
  const whole = Number(hour) * HOUR_MS + Number(minute ?? 0) * MINUTE_MS + Number(second ?? 0) * SECOND_MS;
  const rest =
    unit === SECOND_MS ? Number(fraction.padEnd(3, '0').slice(0, 3)) : Math.round(Number(`0.${fraction}`) * unit);
  const isOnAClock = Number(hour) < 24 && Number(minute ?? 0) < 60 && Number(second ?? 0) <= 60;
  const isMidnight = hour === '24' && whole + rest === DAY_MS;
  return isOnAClock || isMidnight ? whole + rest : NaN;
}

/** Returns the offset from UTC in milliseconds, or NaN for one of a day or more. */
function zoneOf({ sign, zoneHour = '0', zoneMinute = '0' }: Parts): number {
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return NaN;
  return (sign === '-' ? -1 : 1) * (Number(zoneHour) * HOUR_MS + Number(zoneMinute) * MINUTE_MS);
}
