//! Sizes, rates, durations and dates in the form that people read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// Bytes in powers of 1000 with three digits: `999 B`, `1.23 MB`, `12.3 MB`, `123 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Hundredths of the unit, so that no step needs a fraction.
    let mut unit_bytes: u64 = 1000;
    let mut unit = 0;
    // The last value that still rounds to 999 in this unit is below 999.5 units.
    while unit + 1 < UNITS.len() && bytes >= unit_bytes * 999 + unit_bytes / 2 {
        unit_bytes *= 1000;
        unit += 1;
    }
    let hundredths = u128::from(bytes) * 100 / u128::from(unit_bytes);
    let rounded = |step: u128| {
        (u128::from(bytes) * 100 + u128::from(unit_bytes) * step / 2) / u128::from(unit_bytes) / step
    };
    let number = match hundredths {
        0..=994 => {
            let value = rounded(1).min(999);
            format!("{}.{:02}", value / 100, value % 100)
        }
        995..=9_949 => {
            let value = rounded(10);
            format!("{}.{}", value / 10, value % 10)
        }
        _ => rounded(100).to_string(),
    };
    format!("{number} {}", UNITS[unit])
}

/// Bytes per second over a time: `10.3 MB/s`; nothing for a time too short to divide by.
pub(crate) fn rate(bytes: u64, time: Duration) -> Option<String> {
    let milliseconds = time.as_millis();
    if milliseconds == 0 {
        return None;
    }
    let per_second = u128::from(bytes) * 1000 / milliseconds;
    Some(format!("{}/s", size(u64::try_from(per_second).unwrap_or(u64::MAX))))
}

/// `0.04 s`, `1.2 s`, `42 s`, `3 min 12 s`, `2 h 5 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds, time.as_millis()) {
        (_, 0..=994) => format!("{:.2} s", time.as_secs_f64()),
        (0..=9, _) => format!("{:.1} s", time.as_secs_f64()),
        (10..=59, _) => format!("{seconds} s"),
        (60..=3599, _) => with_rest(seconds / 60, "min", seconds % 60, "s"),
        _ => with_rest(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

fn with_rest(whole: u64, unit: &str, rest: u64, rest_unit: &str) -> String {
    if rest == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {rest} {rest_unit}") }
}

/// `1 file`, `2 files`, `12,345 files`: a count with its noun.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = match (number, noun) {
        (1, _) => noun.to_owned(),
        (_, "directory") => "directories".to_owned(),
        (_, "entry") => "entries".to_owned(),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", self::number(number))
}

/// A number with a comma between each three digits.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Date and time in UTC as RFC 3339 writes it, to the second: `2026-02-03T04:05:06Z`.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    // The years that RFC 3339 can write.
    let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that a leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let era = days.div_euclid(146_097); // 400 years
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_never_reach_1000_of_a_unit() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (1_234, "1.23 kB"),
            (9_949, "9.95 kB"),
            (9_951, "10.0 kB"),
            (12_345, "12.3 kB"),
            (99_951, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (2_147_483_648, "2.15 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn durations() {
        let table = [
            (0, "0.00 s"),
            (42, "0.04 s"),
            (999, "1.0 s"),
            (1_240, "1.2 s"),
            (42_700, "42 s"),
            (60_000, "1 min"),
            (192_000, "3 min 12 s"),
            (7_500_000, "2 h 5 min"),
        ];
        for (milliseconds, text) in table {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text, "{milliseconds}");
        }
    }

    #[test]
    fn rates_and_counts() {
        assert_eq!(rate(10_300_000, Duration::from_secs(1)).as_deref(), Some("10.3 MB/s"));
        assert_eq!(rate(u64::MAX, Duration::from_millis(1)).as_deref(), Some("18.4 EB/s"));
        assert_eq!(rate(1, Duration::ZERO), None);
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "directory"), "0 directories");
        assert_eq!(count(1_234_567, "entry"), "1,234,567 entries");
    }

    #[test]
    fn timestamps_are_civil() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(timestamp(at(0)), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(at(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(at(1_770_091_506)), "2026-02-03T04:05:06Z");
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31T23:59:59Z");
    }
}
