//! Moments as they stand in the files: `2026-11-23T06:00:00Z`, whole seconds of UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use toml::value::{Date, Datetime, Offset, Time};

const DAY: i64 = 86_400;

/// First second of the year 0 and last of the year 9999, counted from 1970: what TOML can say.
const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// The moment, cut to seconds. Those outside the years 0 to 9999 become the nearest inside.
pub(super) fn to_toml(moment: SystemTime) -> Datetime {
    let seconds = match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    let seconds = seconds.clamp(*YEARS.start(), *YEARS.end());
    let second = seconds.rem_euclid(DAY);
    let time = Time {
        hour: small(second / 3600),
        minute: small(second / 60 % 60),
        second: Some(small(second % 60)),
        nanosecond: None,
    };
    Datetime { date: Some(date_of(seconds.div_euclid(DAY))), time: Some(time), offset: Some(Offset::Z) }
}

/// The moment, if the value is one: a date and a time with an offset.
pub(super) fn from_toml(value: &Datetime) -> Option<SystemTime> {
    let (date, time, offset) = (value.date?, value.time?, value.offset?);
    let ahead = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    let second =
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    let seconds = day_of(date) * DAY + second - ahead;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// The moment as it will be read back.
pub(super) fn whole_seconds(moment: SystemTime) -> SystemTime {
    from_toml(&to_toml(moment)).unwrap_or(moment)
}

// Both directions count from the first of March, so that the leap day is the last of the year, and in spans of 400
// years, after which the calendar repeats: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const SPAN: i64 = 146_097;
const MARCH_0000: i64 = -719_468;

/// Days from 1970-01-01 to the date.
fn day_of(date: Date) -> i64 {
    let month = (i64::from(date.month) + 9) % 12;
    let year = i64::from(date.year) - i64::from(date.month <= 2);
    let (span, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + i64::from(date.day) - 1;
    span * SPAN + year * 365 + year / 4 - year / 100 + day + MARCH_0000
}

/// The date that many days from 1970-01-01; within [`YEARS`].
fn date_of(day: i64) -> Date {
    let day = day - MARCH_0000;
    let (span, day) = (day.div_euclid(SPAN), day.rem_euclid(SPAN));
    let year = (day - day / 1460 + day / 36_524 - day / (SPAN - 1)) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let year = span * 400 + year + i64::from(month >= 10);
    Date {
        year: u16::try_from(year).unwrap_or_default(),
        month: small((month + 2) % 12 + 1),
        day: small(day - (153 * month + 2) / 5 + 1),
    }
}

/// A part of a date or time, which always fits.
fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or_default()
}
