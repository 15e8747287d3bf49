//! Times as signatures write them: UTC, whole seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// The present, in seconds since 1970.
pub(super) fn now() -> i64 {
    since_1970(SystemTime::now())
}

pub(super) fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// Seconds since 1970 of an ISO 8601 time in UTC: `20150830T123600Z` or `2015-08-30T12:36:00Z`, a fraction allowed.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && digits(fraction) => whole,
        Some(_) => return None,
        None => text,
    };
    let (date, time) = whole.split_once('T')?;
    let fields = |text: &str, separator: char, widths: [usize; 3]| -> Option<[i64; 3]> {
        let compact: String = match text.matches(separator).count() {
            0 => text.into(),
            2 if text.split(separator).map(str::len).eq(widths) => text.split(separator).collect(),
            _ => return None,
        };
        if compact.len() != widths.iter().sum::<usize>() || !digits(&compact) {
            return None;
        }
        let (a, rest) = compact.split_at(widths[0]);
        let (b, c) = rest.split_at(widths[1]);
        Some([a.parse().ok()?, b.parse().ok()?, c.parse().ok()?])
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let days = days_since_1970(year, month, day);
    // A day that does not exist is another one when read back.
    let exists = (1..=12).contains(&month) && day >= 1 && civil(days) == (year, month, day);
    let inside = hour < 24 && minute < 60 && second < 60;
    (exists && inside).then_some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// As `20150830T123600Z`.
pub(super) fn basic(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let s = seconds.rem_euclid(DAY);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", s / 3600, s / 60 % 60, s % 60)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Years are counted from March: the day that comes and goes is then the last, and the lengths of months repeat.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The year, month and day; the reverse of [`days_since_1970`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + 400 * days.div_euclid(146_097) + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160),
            ("20000229T235959Z", 951_868_799),
            ("20240301T000000Z", 1_709_251_200),
            ("19691231T235959Z", -1),
            ("99991231T235959Z", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
            assert_eq!(basic(seconds), text);
        }
        for days in -1_000_000..1_000_000 {
            let (year, month, day) = civil(days);
            assert_eq!(days_since_1970(year, month, day), days);
        }
        assert_eq!(parse("2015-08-30T12:36:00Z"), Some(1_440_938_160));
        assert_eq!(parse("2015-08-30T12:36:00.123Z"), Some(1_440_938_160));
        let date = httpdate::parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT").unwrap();
        assert_eq!(since_1970(date), 1_440_938_160);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "Z",
            "T",
            "20150830T123600",
            "20150830 123600Z",
            "20150830T1236Z",
            "20150230T000000Z",
            "20150830T240000Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "20151330T123600Z",
            "20150800T123600Z",
            "20150830T12360aZ",
            "+2015830T123600Z",
            "2015-0830T123600Z",
            "2015-8-030T123600Z",
            "20150830T123600.Z",
            "20150830T123600.xZ",
            "２０１５0830T123600Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
